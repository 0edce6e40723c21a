#ifndef MASKBENCH_FACE_SEARCH_REQUEST_H_
#define MASKBENCH_FACE_SEARCH_REQUEST_H_

#include <cstdint>
#include <span>
#include <vector>

#include "device/queue.h"
#include "face/face.h"
#include "image/image.h"

namespace maskbench {

// A photo whose faces a device finds, together with others': those of DetectFaces and LandmarkPredictor.
struct SearchRequest {
  const Image* image;
  // The same in all requests of one device.
  int upsample;
  // LandmarkPredictor::trees.
  std::span<const uint8_t> trees;
  std::vector<Face> faces;

  uint64_t bytes() const;
  uint64_t kept() const { return trees.size(); }
  static void Run(device::Stream& stream, std::span<SearchRequest* const> batch);
};

}  // namespace maskbench

#endif  // MASKBENCH_FACE_SEARCH_REQUEST_H_
