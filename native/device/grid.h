#ifndef MASKBENCH_DEVICE_GRID_H_
#define MASKBENCH_DEVICE_GRID_H_

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "device/error.h"

namespace maskbench::device {

// A queue of work on a device, with memory of its own: a GPU's, or one that is walked on the CPU. Programs are
// templates over its kinds, which have Allocate, Free, Upload, Download and Finish (the last two wait) and Launch(jobs,
// threads of a job, kernel). They throw DeviceError. Not safe to use from two threads at once.
class Grid {
 public:
  Grid() = default;
  virtual ~Grid() = default;
  Grid(const Grid&) = delete;
  Grid& operator=(const Grid&) = delete;

  // To be called by every thread before it works on the grid.
  virtual void Enter() = 0;
};

// Memory of a grid that grows as needed and is kept.
template <class Grid, class T>
class GridBuffer {
 public:
  explicit GridBuffer(Grid& grid) : grid_(grid) {}
  ~GridBuffer() { grid_.Free(data_, size_ * sizeof(T)); }
  GridBuffer(const GridBuffer&) = delete;
  GridBuffer& operator=(const GridBuffer&) = delete;

  // What it held is lost where it grows.
  T* Reserve(size_t size) {
    if (size > size_) {
      grid_.Free(std::exchange(data_, nullptr), std::exchange(size_, 0) * sizeof(T));
      data_ = static_cast<T*>(grid_.Allocate(size * sizeof(T)));
      size_ = size;
    }
    return data_;
  }
  T* Upload(std::span<const T> numbers) {
    Reserve(numbers.size());
    grid_.Upload(data_, numbers.data(), numbers.size() * sizeof(T));
    return data_;
  }
  T* data() const { return data_; }

 private:
  Grid& grid_;
  T* data_ = nullptr;
  size_t size_ = 0;
};

// What all jobs of a launch need is uploaded at once, one part after the other.
template <class T>
void Append(std::vector<T>& whole, const std::vector<T>& part) {
  whole.insert(whole.end(), part.begin(), part.end());
}
// Where a part of it lies; `at` moves to the next.
template <class T>
const T* Next(const T*& at, const std::vector<T>& part) {
  return std::exchange(at, at + part.size());
}

}  // namespace maskbench::device

#endif  // MASKBENCH_DEVICE_GRID_H_
