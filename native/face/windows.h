#ifndef MASKBENCH_FACE_WINDOWS_H_
#define MASKBENCH_FACE_WINDOWS_H_

#include <array>
#include <vector>

#include "face/features.h"

namespace maskbench {

inline constexpr int kFilters = 5;

struct WindowScore {
  int row, column;  // of the window's first cell, with the zeros around
  float score;
};

// Adds the windows whose first row is `row`, and whose score for each of the five filters reaches its threshold: the
// scores are equal to those of dlib 19.24 (its separable filters with AVX). A first look in bytes with a bound on its
// error leaves few windows to score in dlib's order of arithmetic: returns how many scores were computed so.
int FindWindows(const Features& features, int row, std::array<std::vector<WindowScore>, kFilters>& found);

}  // namespace maskbench

#endif  // MASKBENCH_FACE_WINDOWS_H_
