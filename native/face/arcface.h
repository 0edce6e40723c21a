#ifndef MASKBENCH_FACE_ARCFACE_H_
#define MASKBENCH_FACE_ARCFACE_H_

#include <array>

namespace maskbench {

// ArcFace's template for 112 x 112 pixels: eyes, nose tip, corners of the mouth.
inline constexpr double kArcFaceSide = 112;
inline constexpr std::array<std::array<double, 2>, 5> kArcFace = {
    {{38.2946, 51.6963}, {73.5318, 51.5014}, {56.0252, 71.7366}, {41.5493, 92.3655}, {70.7299, 92.2041}}};

}  // namespace maskbench

#endif  // MASKBENCH_FACE_ARCFACE_H_
