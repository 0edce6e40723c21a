#ifndef MASKBENCH_OPEN_DEVICE_PROGRAMS_H_
#define MASKBENCH_OPEN_DEVICE_PROGRAMS_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "all_pairs/score_grid.h"
#include "device/stream.h"
#include "embed/tensor_grid.h"
#include "face/search_grid.h"
#include "mask/draw_grid.h"

// What the CUDA module gives to the rest, which knows nothing of CUDA; and the CUDA module knows nothing of dlib.

namespace maskbench {

// What the programs need: lies on the host, and is copied to the device once.
struct DeviceModels {
  SearchModel search;
  // GrainTile().
  std::vector<float> grain_tile;
};
DeviceModels MakeDeviceModels();

// Everything that runs on one grid.
struct Programs {
  // It outlives the others.
  std::unique_ptr<device::Grid> grid;
  std::unique_ptr<WindowSearcher> searcher;
  std::unique_ptr<MaskDrawer> drawer;
  std::unique_ptr<TensorMaker> tensor_maker;
  std::unique_ptr<PairScorer> pair_scorer;
};

template <class Grid>
Programs MakePrograms(std::unique_ptr<Grid> grid, const DeviceModels& models) {
  Programs programs;
  programs.searcher = std::make_unique<SearchGrid<Grid>>(*grid, models.search);
  programs.drawer = std::make_unique<DrawGrid<Grid>>(*grid, models.grain_tile);
  programs.tensor_maker = std::make_unique<TensorGrid<Grid>>(*grid);
  programs.pair_scorer = std::make_unique<ScoreGrid<Grid>>(*grid);
  programs.grid = std::move(grid);
  return programs;
}

inline std::unique_ptr<device::Stream> MakeStream(Programs programs) {
  auto stream = std::make_unique<device::Stream>(std::move(programs.grid));
  stream->Add(std::move(programs.searcher));
  stream->Add(std::move(programs.drawer));
  stream->Add(std::move(programs.tensor_maker));
  stream->Add(std::move(programs.pair_scorer));
  return stream;
}

struct DeviceInfo {
  std::string name;
  uint64_t memory;
  // The version of its architecture: 9, 0.
  int major, minor;
  // The CUDA version that the driver knows, as 13000 for 13.0.
  int driver;
};

// The module's functions, by name. They throw DeviceError.
inline constexpr char kDevicesFunction[] = "MaskbenchDevices";
using DevicesFunction = void (*)(std::vector<DeviceInfo>& devices);
inline constexpr char kOpenFunction[] = "MaskbenchOpenDevice";
// `memory`: bytes that it may take at most.
using OpenFunction = void (*)(int device, uint64_t memory, const DeviceModels& models, Programs& programs);

}  // namespace maskbench

#endif  // MASKBENCH_OPEN_DEVICE_PROGRAMS_H_
