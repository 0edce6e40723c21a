#include "mask/mesh.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numbers>

#include "runtime/length.h"

namespace maskbench {
namespace {

// From one brow's end along the jaw to the other's.
constexpr int kOutline[] = {17, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 26};
constexpr int kInside[] = {27, 28, 29, 30, 31, 33, 35, 36, 39, 42, 45};
constexpr double kRings[] = {0.4, 1.3};
constexpr int kOutlineSize = std::size(kOutline);
// Away from which the rings lie: the base of the nose.
constexpr int kMiddle = 33;
// The Delaunay triangulation of the canonical landmarks, inside the outline.
constexpr Triangle kInner[] = {{45, 26, 16}, {33, 31, 30}, {3, 31, 4},   {31, 3, 2},   {31, 29, 30}, {39, 29, 31},
                               {15, 45, 16}, {15, 14, 45}, {31, 5, 4},   {33, 5, 31},  {5, 33, 6},   {35, 33, 30},
                               {14, 35, 45}, {35, 42, 45}, {29, 35, 30}, {35, 29, 42}, {7, 33, 8},   {33, 7, 6},
                               {17, 36, 0},  {36, 1, 0},   {36, 39, 31}, {36, 31, 2},  {1, 36, 2},   {42, 28, 27},
                               {29, 28, 42}, {28, 39, 27}, {28, 29, 39}, {35, 13, 12}, {13, 35, 14}, {33, 9, 8},
                               {10, 9, 33},  {35, 11, 33}, {11, 10, 33}, {11, 35, 12}};
constexpr double kMostStretch = 3;

PointF Minus(PointF a, PointF b) { return {a.x - b.x, a.y - b.y}; }
double Cross(PointF a, PointF b) { return a.x * b.y - a.y * b.x; }
PointF Outward(PointF point, PointF middle, double outward) {
  return {point.x + outward * (point.x - middle.x), point.y + outward * (point.y - middle.y)};
}

std::vector<Vertex> MakeVertices() {
  std::vector<Vertex> made;
  for (const int landmark : kOutline) made.push_back({landmark, 0});
  for (const int landmark : kInside) made.push_back({landmark, 0});
  for (const double ring : kRings)
    for (const int landmark : kOutline) made.push_back({landmark, ring});
  return made;
}

std::vector<Triangle> MakeTriangles() {
  std::vector<Triangle> made;
  const auto vertices = MeshVertices();
  const auto index = [&](int landmark) {
    return static_cast<int>(std::ranges::find(vertices, landmark, &Vertex::landmark) - vertices.begin());
  };
  for (const auto& [a, b, c] : kInner) made.push_back({index(a), index(b), index(c)});
  int inner = 0;
  int outer = kOutlineSize + static_cast<int>(std::size(kInside));
  for (size_t ring = 0; ring < std::size(kRings); ++ring) {
    for (int i = 0; i + 1 < kOutlineSize; ++i) {
      made.push_back({inner + i, outer + i + 1, outer + i});
      made.push_back({inner + i, inner + i + 1, outer + i + 1});
    }
    inner = outer;
    outer += kOutlineSize;
  }
  return made;
}

// The two stretches of the map from triangle `from` to triangle `to`, as a ratio; infinite where it flips or vanishes.
double StretchRatio(const PointF (&from)[3], const PointF (&to)[3]) {
  const PointF p = Minus(from[1], from[0]);
  const PointF q = Minus(from[2], from[0]);
  const PointF r = Minus(to[1], to[0]);
  const PointF s = Minus(to[2], to[0]);
  const double area = Cross(p, q);
  // The map's matrix, times the area.
  const double a = r.x * q.y - s.x * p.y;
  const double b = s.x * p.x - r.x * q.x;
  const double c = r.y * q.y - s.y * p.y;
  const double d = s.y * p.x - r.y * q.x;
  const double determinant = a * d - b * c;
  if (determinant <= 1e-9 * area * area) return std::numeric_limits<double>::infinity();
  const double sum = a * a + b * b + c * c + d * d;
  const double root = std::sqrt(std::max(0.0, sum * sum - 4 * determinant * determinant));
  return std::sqrt((sum + root) / (sum - root));
}

double StretchOf(const Triangle& triangle, const std::vector<PointF>& places) {
  const auto vertices = MeshVertices();
  const PointF from[3] = {CanonicalPlace(vertices[triangle.a]), CanonicalPlace(vertices[triangle.b]),
                          CanonicalPlace(vertices[triangle.c])};
  const PointF to[3] = {places[triangle.a], places[triangle.b], places[triangle.c]};
  return StretchRatio(from, to);
}

PointF MeanOf(const Landmarks& landmarks, int first, int last) {
  PointF sum{0, 0};
  for (int i = first; i <= last; ++i) sum = {sum.x + landmarks[i].x, sum.y + landmarks[i].y};
  return {sum.x / (last - first + 1), sum.y / (last - first + 1)};
}

// The least-squares affine map of the canonical landmarks of the mesh to those of a face. The canonical face is
// symmetric, so that only sums of x y would be missing from a diagonal system, and they are zero.
class AffineFace {
 public:
  explicit AffineFace(const Landmarks& landmarks) {
    double sum_y = 0;
    PointF sum{0, 0};
    double count = 0;
    for (const auto& [landmark, outward] : MeshVertices()) {
      if (outward != 0) continue;
      sum_y += kCanonicalFace[landmark].y;
      sum = {sum.x + landmarks[landmark].x, sum.y + landmarks[landmark].y};
      ++count;
    }
    mean_y_ = sum_y / count;
    mean_ = {sum.x / count, sum.y / count};
    double xx = 0;
    double yy = 0;
    for (const auto& [landmark, outward] : MeshVertices()) {
      if (outward != 0) continue;
      const double x = kCanonicalFace[landmark].x;
      const double y = kCanonicalFace[landmark].y - mean_y_;
      xx += x * x;
      yy += y * y;
      across_ = {across_.x + x * (landmarks[landmark].x - mean_.x), across_.y + x * (landmarks[landmark].y - mean_.y)};
      down_ = {down_.x + y * (landmarks[landmark].x - mean_.x), down_.y + y * (landmarks[landmark].y - mean_.y)};
    }
    across_ = {across_.x / xx, across_.y / xx};
    down_ = {down_.x / yy, down_.y / yy};
  }

  PointF At(PointF canonical) const {
    const double y = canonical.y - mean_y_;
    return {mean_.x + canonical.x * across_.x + y * down_.x, mean_.y + canonical.x * across_.y + y * down_.y};
  }

 private:
  double mean_y_;
  PointF mean_;
  PointF across_{0, 0};
  PointF down_{0, 0};
};

}  // namespace

std::span<const Vertex> MeshVertices() {
  static const std::vector<Vertex> vertices = MakeVertices();
  return vertices;
}

std::span<const Triangle> MeshTriangles() {
  static const std::vector<Triangle> triangles = MakeTriangles();
  return triangles;
}

PointF CanonicalPlace(const Vertex& vertex) {
  return Outward(kCanonicalFace[vertex.landmark], kCanonicalFace[kMiddle], vertex.outward);
}

Pose EstimatePose(const Landmarks& landmarks) {
  const PointF left = MeanOf(landmarks, 36, 41);
  const PointF right = MeanOf(landmarks, 42, 47);
  const PointF across = Minus(right, left);
  const double distance = std::max(1.0, Length(across.x, across.y));
  const PointF along{across.x / distance, across.y / distance};
  const auto place = [&](int i) { return along.x * landmarks[i].x + along.y * landmarks[i].y; };
  const double half_width = std::max(1.0, (place(15) - place(1)) / 2);
  const double off = place(30) - (place(15) + place(1)) / 2;
  // The tip stands 1.1 times as far before the axis of turning as the ears stand beside it, measured on frontal faces'
  // proportions: off / half_width = 1.1 tan(yaw).
  const double yaw = std::atan(off / half_width / 1.1) * 180 / std::numbers::pi;
  return {distance, along, yaw};
}

FaceMesh::FaceMesh(const Landmarks& landmarks) : pose_(EstimatePose(landmarks)) {
  const auto vertices = MeshVertices();
  const AffineFace affine(landmarks);
  // How much of the way from the affine face to its landmark each landmark goes.
  std::array<double, kLandmarks> share;
  share.fill(1);
  const auto place = [&] {
    const auto at = [&](int landmark) {
      const PointF smooth = affine.At(kCanonicalFace[landmark]);
      return PointF{smooth.x + share[landmark] * (landmarks[landmark].x - smooth.x),
                    smooth.y + share[landmark] * (landmarks[landmark].y - smooth.y)};
    };
    const PointF middle = at(kMiddle);
    vertices_.clear();
    // A landmark names a pixel, whose middle is meant.
    for (const auto& [landmark, outward] : vertices) {
      const PointF corner = Outward(at(landmark), middle, outward);
      vertices_.push_back({corner.x + 0.5, corner.y + 0.5});
    }
  };
  place();
  constexpr int kRounds = 40;
  constexpr double kLess = 0.85;
  for (int round = 0; round < kRounds; ++round) {
    std::array<bool, kLandmarks> bad{};
    bool any = false;
    for (const Triangle& triangle : MeshTriangles()) {
      if (StretchOf(triangle, vertices_) <= kMostStretch) continue;
      any = true;
      for (const int vertex : {triangle.a, triangle.b, triangle.c}) bad[vertices[vertex].landmark] = true;
      // Rings hang on the middle too.
      if (vertices[triangle.b].outward != 0 || vertices[triangle.c].outward != 0) bad[kMiddle] = true;
    }
    if (!any) return;
    for (int i = 0; i < kLandmarks; ++i)
      if (bad[i]) share[i] *= kLess;
    if (round == kRounds - 1) share.fill(0);
    place();
  }
}

double FaceMesh::WorstStretch() const {
  double worst = 1;
  for (const Triangle& triangle : MeshTriangles()) worst = std::max(worst, StretchOf(triangle, vertices_));
  return worst;
}

}  // namespace maskbench
