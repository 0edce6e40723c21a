#ifndef MASKBENCH_MASK_CANONICAL_H_
#define MASKBENCH_MASK_CANONICAL_H_

#include <array>

#include "face/face.h"

namespace maskbench {

struct PointF {
  double x;
  double y;
};

// A face seen from the front, where templates are at home: 1 is the distance between the eyes' centres, 0 the point
// midway between them, y grows downwards. The mean of 15 nearly frontal faces' landmarks, made symmetric.
inline constexpr std::array<PointF, kLandmarks> kCanonicalFace = {
    {{-1.128, -0.003}, {-1.106, 0.314},  {-1.065, 0.622},  {-1.011, 0.930},  {-0.908, 1.216}, {-0.737, 1.471},
     {-0.527, 1.684},  {-0.282, 1.855},  {0, 1.906},       {0.282, 1.855},   {0.527, 1.684},  {0.737, 1.471},
     {0.908, 1.216},   {1.011, 0.930},   {1.065, 0.622},   {1.106, 0.314},   {1.128, -0.003}, {-0.925, -0.150},
     {-0.789, -0.280}, {-0.592, -0.313}, {-0.388, -0.286}, {-0.198, -0.213}, {0.198, -0.213}, {0.388, -0.286},
     {0.592, -0.313},  {0.789, -0.280},  {0.925, -0.150},  {0, -0.025},      {0, 0.167},      {0, 0.355},
     {0, 0.553},       {-0.232, 0.676},  {-0.124, 0.717},  {0, 0.751},       {0.124, 0.717},  {0.232, 0.676},
     {-0.687, 0.003},  {-0.567, -0.059}, {-0.427, -0.056}, {-0.306, 0.024},  {-0.437, 0.043}, {-0.575, 0.044},
     {0.306, 0.024},   {0.427, -0.056},  {0.567, -0.059},  {0.687, 0.003},   {0.575, 0.044},  {0.437, 0.043},
     {-0.445, 1.087},  {-0.285, 1.013},  {-0.122, 0.973},  {0, 0.998},       {0.122, 0.973},  {0.285, 1.013},
     {0.445, 1.087},   {0.291, 1.259},   {0.129, 1.329},   {0, 1.341},       {-0.129, 1.329}, {-0.291, 1.259},
     {-0.379, 1.094},  {-0.120, 1.057},  {0, 1.071},       {0.120, 1.057},   {0.379, 1.094},  {0.123, 1.187},
     {0, 1.199},       {-0.123, 1.187}}};

inline constexpr int kJawPoints = 17;

// The place between two landmarks: 28.5 is midway between 28 and 29.
inline PointF CanonicalAt(double landmark) {
  const auto first = static_cast<size_t>(landmark);
  const double share = landmark - static_cast<double>(first);
  const PointF a = kCanonicalFace[first];
  const PointF b = kCanonicalFace[share > 0 ? first + 1 : first];
  return {a.x + share * (b.x - a.x), a.y + share * (b.y - a.y)};
}

// Half the width of the canonical face at a height, within the jaw line.
inline double JawHalfWidth(double y) {
  constexpr double kNeck = 0.55;  // nothing is narrower
  for (int i = kJawPoints / 2; i + 1 < kJawPoints; ++i) {
    const PointF low = kCanonicalFace[i];
    const PointF high = kCanonicalFace[i + 1];
    if (y > low.y) return kNeck;
    if (y > high.y) {
      const double width = low.x + (y - low.y) / (high.y - low.y) * (high.x - low.x);
      return width > kNeck ? width : kNeck;
    }
  }
  return kCanonicalFace[kJawPoints - 1].x;
}

}  // namespace maskbench

#endif  // MASKBENCH_MASK_CANONICAL_H_
