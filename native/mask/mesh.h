#ifndef MASKBENCH_MASK_MESH_H_
#define MASKBENCH_MASK_MESH_H_

#include <array>
#include <span>
#include <vector>

#include "face/face.h"
#include "mask/canonical.h"

namespace maskbench {

struct Triangle {
  int a, b, c;
};

// A vertex of the mesh: a landmark, moved away from the middle of the face by `outward` times its distance.
struct Vertex {
  int landmark;
  double outward;
};

// The lower face between brows, ears and chin, with two rings beyond the jaw.
std::span<const Vertex> MeshVertices();
std::span<const Triangle> MeshTriangles();
PointF CanonicalPlace(const Vertex& vertex);

// How a face stands in a photo.
struct Pose {
  // Pixels between the eyes' centres, and the unit vector from the one to the other.
  double eye_distance;
  PointF along;
  // Degrees, positive where the face looks to the right of the photo: from how far the nose's tip stands off the middle
  // of the jaw. An estimate, good for choosing a view.
  double yaw;
};
Pose EstimatePose(const Landmarks& landmarks);

// The mesh on a face: vertices stand on their landmarks. Where that would flip a triangle, or stretch it more than
// three times as much in one direction as in the other, its vertices are drawn towards where an affine map of the whole
// face puts them, by as little as mends it.
class FaceMesh {
 public:
  explicit FaceMesh(const Landmarks& landmarks);

  const Pose& pose() const { return pose_; }
  const std::vector<PointF>& vertices() const { return vertices_; }
  // The greatest ratio between a triangle's two stretches.
  double WorstStretch() const;

 private:
  Pose pose_;
  std::vector<PointF> vertices_;
};

}  // namespace maskbench

#endif  // MASKBENCH_MASK_MESH_H_
