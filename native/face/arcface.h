#ifndef MASKBENCH_FACE_ARCFACE_H_
#define MASKBENCH_FACE_ARCFACE_H_

#include <array>

namespace maskbench {

// Eyes, nose tip, corners of the mouth: x and y, in pixels.
using FivePoints = std::array<std::array<double, 2>, 5>;

// ArcFace's template for 112 x 112 pixels.
inline constexpr double kArcFaceSide = 112;
inline constexpr FivePoints kArcFace = {
    {{38.2946, 51.6963}, {73.5318, 51.5014}, {56.0252, 71.7366}, {41.5493, 92.3655}, {70.7299, 92.2041}}};

}  // namespace maskbench

#endif  // MASKBENCH_FACE_ARCFACE_H_
