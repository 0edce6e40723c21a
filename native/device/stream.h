#ifndef MASKBENCH_DEVICE_STREAM_H_
#define MASKBENCH_DEVICE_STREAM_H_

#include <map>
#include <memory>
#include <typeindex>
#include <utility>

#include "device/grid.h"

namespace maskbench::device {

// A grid and the programs that share it: one for each interface that a noun states. Whoever opens the device adds them
// all, so that nobody here need know them. Not safe to use from two threads at once.
class Stream {
 public:
  explicit Stream(std::unique_ptr<Grid> grid) : grid_(std::move(grid)) {}

  template <class Program>
  void Add(std::unique_ptr<Program> program) {
    programs_.emplace(typeid(Program), std::move(program));
  }
  // To be called by every thread before it works on the stream.
  void Enter() { grid_->Enter(); }
  template <class Program>
  Program& Get() const {
    return *static_cast<Program*>(programs_.at(typeid(Program)).get());
  }

 private:
  // It outlives the programs.
  const std::unique_ptr<Grid> grid_;
  std::map<std::type_index, std::shared_ptr<void>> programs_;
};

}  // namespace maskbench::device

#endif  // MASKBENCH_DEVICE_STREAM_H_
