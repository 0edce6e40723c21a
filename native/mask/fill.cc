#include "mask/fill.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <numbers>
#include <utility>

namespace maskbench {
namespace {

// Places have 16 fraction bits where they are not whole.
constexpr int kShift = 16;
constexpr int64_t kOne = int64_t{1} << kShift;
constexpr int64_t kHalf = kOne / 2;

struct Place {
  int64_t x, y;
  bool operator==(const Place&) const = default;
};

class Canvas {
 public:
  Canvas(int width, int height) : width_(width), height_(height) {}

  std::vector<PixelSpan> spans;

  int height() const { return height_; }

  void Add(int64_t y, int64_t first, int64_t last) {
    first = std::max<int64_t>(first, 0);
    last = std::min<int64_t>(last, width_ - 1);
    if (y < 0 || y >= height_ || first > last) return;
    // A line's pixels come one by one.
    if (!spans.empty() && spans.back().y == y && spans.back().last + 1 == first)
      spans.back().last = static_cast<int>(last);
    else
      spans.push_back({static_cast<int>(y), static_cast<int>(first), static_cast<int>(last)});
  }

  // Cuts a line off at the image's border (Cohen and Sutherland, 1967), in units of 1 / scale pixels. Gives whether
  // something is left.
  bool Clip(Place& a, Place& b, int64_t scale) const {
    const int64_t right = width_ * scale - 1;
    const int64_t bottom = height_ * scale - 1;
    const auto beside = [&](const Place& p) { return (p.x < 0 ? 1 : 0) + (p.x > right ? 2 : 0); };
    const auto sides = [&](const Place& p) { return beside(p) + (p.y < 0 ? 4 : 0) + (p.y > bottom ? 8 : 0); };
    constexpr int kAboveOrBelow = 12;
    int of_a = sides(a);
    int of_b = sides(b);
    const auto crosses = [&] { return (of_a & of_b) == 0 && (of_a | of_b) != 0; };
    // One end after the other: the second is cut along what is left, rounding and all.
    const auto cut_rows = [&](Place& p, int& of) {
      if ((of & kAboveOrBelow) == 0) return;
      const int64_t row = of < 8 ? 0 : bottom;
      p.x += (row - p.y) * (b.x - a.x) / (b.y - a.y);
      p.y = row;
      of = beside(p);
    };
    const auto cut_columns = [&](Place& p, int& of) {
      if (of == 0) return;
      const int64_t column = of == 1 ? 0 : right;
      p.y += (column - p.x) * (b.y - a.y) / (b.x - a.x);
      p.x = column;
      of = 0;
    };
    if (crosses()) {
      cut_rows(a, of_a);
      cut_rows(b, of_b);
      if (crosses()) {
        cut_columns(a, of_a);
        cut_columns(b, of_b);
      }
    }
    return (of_a | of_b) == 0;
  }

  // Between pixels (Bresenham, 1965), from left to right.
  void Line(Place a, Place b) {
    if (!Clip(a, b, 1)) return;
    if (b.x < a.x) std::swap(a, b);
    const int64_t across = b.x - a.x;
    const int64_t down = std::abs(b.y - a.y);
    const int64_t step = b.y < a.y ? -1 : 1;
    const bool steep = down > across;
    const int64_t most = std::max(across, down);
    const int64_t least = std::min(across, down);
    int64_t error = most - 2 * least;
    for (int64_t i = 0; i <= most; ++i) {
      Add(a.y, a.x, a.x);
      const bool turns = error < 0;
      error += (turns ? 2 * most : 0) - 2 * least;
      if (steep || turns) a.y += step;
      if (!steep || turns) a.x += 1;
    }
  }

  // Between places in fractions of pixels.
  void FineLine(Place a, Place b) {
    if (!Clip(a, b, kOne)) return;
    const auto pixel = [](int64_t at) { return (at + kHalf) >> kShift; };
    const bool flat = std::abs(b.x - a.x) > std::abs(b.y - a.y);
    if (flat ? b.x < a.x : b.y < a.y) std::swap(a, b);
    const int64_t along = flat ? b.x - a.x : b.y - a.y;
    const int64_t aside = flat ? b.y - a.y : b.x - a.x;
    const int64_t slope = aside * kOne / (along | 1);
    Add(pixel(b.y), pixel(b.x), pixel(b.x));
    int64_t at = pixel(flat ? a.x : a.y);
    int64_t beside = (flat ? a.y : a.x) + kHalf;
    for (int64_t i = 0; i <= along >> kShift; ++i, ++at, beside += slope) {
      const int64_t other = beside >> kShift;
      if (flat)
        Add(other, at, at);
      else
        Add(at, other, other);
    }
  }

 private:
  int width_;
  int height_;
};

// Fills what lies between the left and the right of two ways down a convex shape.
void FillConvex(Canvas& canvas, const std::vector<Place>& corners) {
  const int count = static_cast<int>(corners.size());
  for (int i = 0; i < count; ++i) canvas.FineLine(corners[(i + count - 1) % count], corners[i]);
  if (count < 3) return;
  const auto row = [](const Place& place) { return (place.y + kHalf) >> kShift; };
  const auto [highest, lowest] = std::ranges::minmax_element(corners, {}, &Place::y);
  // The first of the highest, and the row of any of the lowest.
  const int top = static_cast<int>(highest - corners.begin());
  const int64_t bottom = std::min<int64_t>(row(*lowest), canvas.height() - 1);
  struct Way {
    int corner;
    int step;
    int64_t next_row;
    int64_t x;
    int64_t slope;
  };
  std::array<Way, 2> ways = {{{top, 1, row(*highest), -kOne, 0}, {top, count - 1, row(*highest), -kOne, 0}}};
  int sides = count;
  for (int64_t y = row(*highest); y <= bottom; ++y) {
    for (Way& way : ways) {
      if (y < way.next_row) continue;
      int from = way.corner;
      int to = (from + way.step) % count;
      // Sides of less than a row are passed over.
      for (; sides-- > 0; from = to, to = (to + way.step) % count) {
        const int64_t rows = row(corners[to]) - y;
        if (rows <= 0) continue;
        way = {to, way.step, y + rows, corners[from].x, ((corners[to].x - corners[from].x) * 2 + rows) / (2 * rows)};
        break;
      }
    }
    if (sides < 0) return;
    const auto [left, right] = std::minmax(ways[0].x, ways[1].x);
    canvas.Add(y, (left + kHalf) >> kShift, (right + kHalf) >> kShift);
    for (Way& way : ways) way.x += way.slope;
  }
}

// Sines of whole degrees, to seven decimals, as a table in OpenCV has them.
float Sine(int degrees) {
  constexpr double kDecimals = 1e7;
  return static_cast<float>(std::round(std::sin(degrees * std::numbers::pi / 180) * kDecimals) / kDecimals);
}

}  // namespace

std::vector<PixelSpan> FillPolygon(std::span<const Point> corners, int width, int height) {
  struct Edge {
    int64_t top, bottom, x, slope;
  };
  Canvas canvas(width, height);
  std::vector<Edge> edges;
  for (size_t i = 0; i < corners.size(); ++i) {
    const Point& from = corners[i == 0 ? corners.size() - 1 : i - 1];
    const Point& to = corners[i];
    canvas.Line({from.x, from.y}, {to.x, to.y});
    if (from.y == to.y) continue;
    const Point& upper = from.y < to.y ? from : to;
    const int64_t slope = (to.x - from.x) * kOne / (to.y - from.y);
    edges.push_back({upper.y, std::max(from.y, to.y), upper.x * kOne, slope});
  }
  std::ranges::sort(edges, {}, &Edge::top);
  std::vector<int64_t> crossings;
  if (edges.empty()) return std::move(canvas.spans);
  const int64_t end = std::min<int64_t>(std::ranges::max(edges, {}, &Edge::bottom).bottom, height);
  for (int64_t y = std::max<int64_t>(edges.front().top, 0); y < end; ++y) {
    crossings.clear();
    for (const Edge& edge : edges) {
      if (edge.top > y) break;
      if (edge.bottom > y) crossings.push_back(edge.x + (y - edge.top) * edge.slope);
    }
    std::ranges::sort(crossings);
    for (size_t i = 0; i + 1 < crossings.size(); i += 2)
      canvas.Add(y, (crossings[i] + kOne - 1) >> kShift, crossings[i + 1] >> kShift);
  }
  return std::move(canvas.spans);
}

std::vector<PixelSpan> FillEllipse(const Ellipse& ellipse, int width, int height) {
  const auto fixed = [](float at) {
    const auto whole = std::lrint(at);
    return whole * kOne + std::lrint((at - static_cast<float>(whole)) * static_cast<float>(kOne));
  };
  const Place center{fixed(ellipse.center_x), fixed(ellipse.center_y)};
  const Place axes{ellipse.width * kHalf, ellipse.height * kHalf};
  // A polygon with the more corners the larger it is.
  const int64_t radius = (std::max(axes.x, axes.y) + kHalf) >> kShift;
  constexpr int kTurn = 360;
  const int step = radius < 3 ? 90 : radius < 10 ? 30 : radius < 15 ? 18 : 5;
  std::vector<Place> corners;
  for (int angle = 0; angle <= kTurn; angle += step) {
    const auto round = [](double at) {
      const int64_t whole = std::lrint(at / static_cast<double>(kOne)) * kOne;
      return whole + std::lrint(at - static_cast<double>(whole));
    };
    const Place corner{round(static_cast<double>(center.x) + static_cast<double>(axes.x) * Sine(450 - angle)),
                       round(static_cast<double>(center.y) + static_cast<double>(axes.y) * Sine(angle))};
    if (corners.empty() || corner != corners.back()) corners.push_back(corner);
  }
  if (corners.size() == 1) corners.assign(2, center);
  Canvas canvas(width, height);
  FillConvex(canvas, corners);
  return std::move(canvas.spans);
}

}  // namespace maskbench
