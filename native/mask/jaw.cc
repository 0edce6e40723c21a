#include "mask/jaw.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "mask/mesh.h"
#include "runtime/length.h"

namespace maskbench {
namespace {

// Everything in distances between the eyes, chosen on the faces of test/mask/outlines.json, where values half or twice
// as large do about as well.
constexpr double kTurned = 4;  // degrees
constexpr int kPoints = 7;     // of the far side, from the ear to beside the chin
constexpr int kPlaces = 18;
constexpr double kStep = 0.02;
constexpr double kReach = 0.07;  // how far on both sides of an edge colours are compared
constexpr int kSamples = 4;
constexpr double kClearEdge = 70;  // levels; a greater difference says no more
constexpr double kDistance = 0.4;  // what a place costs by its distance from the landmark
constexpr double kBend = 60;       // and by the square of its distance from its neighbour's

using Bgr = std::array<double, 3>;

Bgr MeanAround(const Image& image, PointF at, int radius) {
  const auto x = static_cast<int>(std::clamp(at.x, 0.0, image.width - 1.0));
  const auto y = static_cast<int>(std::clamp(at.y, 0.0, image.height - 1.0));
  std::array<int64_t, 3> sum{};
  int64_t count = 0;
  for (int row = std::max(0, y - radius); row <= std::min(image.height - 1, y + radius); ++row)
    for (int column = std::max(0, x - radius); column <= std::min(image.width - 1, x + radius); ++column) {
      const uint8_t* pixel = image.row(row) + size_t{3} * column;
      for (int channel = 0; channel < 3; ++channel) sum[channel] += pixel[channel];
      ++count;
    }
  Bgr mean;
  for (int channel = 0; channel < 3; ++channel)
    mean[channel] = static_cast<double>(sum[channel]) / static_cast<double>(count);
  return mean;
}

// The difference in colour between the two sides of a place, by levels of one channel.
double EdgeAt(const Image& image, PointF at, PointF outward, double eye_distance) {
  const int radius = static_cast<int>(std::lround(0.015 * eye_distance));
  Bgr difference{};
  for (int i = 1; i <= kSamples; ++i)
    for (const int side : {-1, 1}) {
      const double off = side * kReach * eye_distance * (0.3 + 0.7 * (i - 1) / (kSamples - 1));
      const Bgr mean = MeanAround(image, {at.x + off * outward.x, at.y + off * outward.y}, radius);
      for (int channel = 0; channel < 3; ++channel) difference[channel] += side * mean[channel] / kSamples;
    }
  return (std::abs(difference[0]) + std::abs(difference[1]) + std::abs(difference[2])) / 3;
}

}  // namespace

Landmarks RefineJaw(const Image& image, const Landmarks& landmarks) {
  const Pose pose = EstimatePose(landmarks);
  if (std::abs(pose.yaw) < kTurned) return landmarks;
  constexpr int kMiddle = 33;
  std::array<int, kPoints> jaw;
  std::array<PointF, kPoints> outward;
  std::array<std::array<double, kPlaces>, kPoints> costs;
  for (int i = 0; i < kPoints; ++i) {
    jaw[i] = pose.yaw < 0 ? 1 + i : 15 - i;
    const double x = landmarks[jaw[i]].x - landmarks[kMiddle].x;
    const double y = landmarks[jaw[i]].y - landmarks[kMiddle].y;
    const double length = std::max(1.0, Length(x, y));
    outward[i] = {x / length, y / length};
    for (int place = 0; place < kPlaces; ++place) {
      const double inward = kStep * place * pose.eye_distance;
      const PointF at{landmarks[jaw[i]].x - inward * outward[i].x, landmarks[jaw[i]].y - inward * outward[i].y};
      const double edge = std::min(kClearEdge, EdgeAt(image, at, outward[i], pose.eye_distance)) / kClearEdge;
      costs[i][place] = kDistance * kStep * place - edge;
    }
  }
  // The cheapest path to each place, from the ear on.
  std::array<std::array<int, kPlaces>, kPoints> from{};
  const auto bend = [](int a, int b) { return kBend * kStep * kStep * (a - b) * (a - b); };
  for (int i = 1; i < kPoints; ++i)
    for (int place = 0; place < kPlaces; ++place) {
      double cheapest = std::numeric_limits<double>::infinity();
      for (int before = 0; before < kPlaces; ++before) {
        const double cost = costs[i - 1][before] + bend(before, place);
        if (cost < cheapest) from[i][place] = before;
        cheapest = std::min(cheapest, cost);
      }
      costs[i][place] += cheapest;
    }
  // Beside the chin landmarks are right.
  int place = 0;
  for (int other = 1; other < kPlaces; ++other)
    if (costs[kPoints - 1][other] + bend(other, 0) < costs[kPoints - 1][place] + bend(place, 0)) place = other;
  Landmarks refined = landmarks;
  for (int i = kPoints - 1; i >= 0; --i) {
    const double inward = kStep * place * pose.eye_distance;
    refined[jaw[i]].x = static_cast<int>(std::lround(landmarks[jaw[i]].x - inward * outward[i].x));
    refined[jaw[i]].y = static_cast<int>(std::lround(landmarks[jaw[i]].y - inward * outward[i].y));
    place = from[i][place];
  }
  return refined;
}

}  // namespace maskbench
