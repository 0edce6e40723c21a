#ifndef MASKBENCH_TESTS_DEVICE_CASES_H_
#define MASKBENCH_TESTS_DEVICE_CASES_H_

#include <cstdint>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "open_device/programs.h"

// What programs are asked for and must answer, in a file that can be carried to any machine with a device.

namespace maskbench {

struct SearchCase {
  struct Photo {
    Image image;
    PyramidSizes sizes;
  };
  std::vector<Photo> photos;
  std::vector<FoundWindow> windows;
  std::vector<FaceInput> faces;
  std::vector<std::array<float, kShape>> shapes;
};

struct MaskCase {
  Image image;
  Drawing drawing;
  // The shadow of the template, if it is one.
  std::vector<uint32_t> shadow;
  Image expected;
  // Empty: none is wanted.
  std::vector<uint8_t> matte;
};

struct CropCase {
  Image image;
  // Where the image is resized.
  bool resized;
  bool by_area;
  int left, top, width, height;
  Affine map;
  bool mirrored;

  CropPlan Plan() const {
    const auto shared = std::make_shared<const Image>(image);
    if (!resized) return {shared, map, mirrored};
    const ScalePlan plan(image.width, image.height, width, height, by_area);
    return {shared, CropPlan::Resized{plan, left, top, width, height}, mirrored};
  }
};

struct TensorCase {
  TensorLayout layout;
  std::vector<CropCase> crops;
  std::vector<float> expected;
};

struct DeviceCases {
  DeviceModels models;
  std::vector<uint8_t> trees;
  std::vector<SearchCase> searches;
  std::vector<MaskCase> masks;
  std::vector<TensorCase> tensors;
};

// Writes what it is given.
class CaseWriter {
 public:
  explicit CaseWriter(const std::string& path) : out_(path, std::ios::binary) {}

  void Bytes(void* at, size_t size) {
    out_.write(static_cast<const char*>(at), static_cast<std::streamsize>(size));
    if (!out_) throw std::runtime_error("the cases cannot be written");
  }
  template <class T>
  void Size(std::vector<T>& list) {
    uint64_t size = list.size();
    Bytes(&size, sizeof(size));
  }

 private:
  std::ofstream out_;
};

// Reads it back.
class CaseReader {
 public:
  explicit CaseReader(const std::string& path) : in_(path, std::ios::binary) {}

  void Bytes(void* at, size_t size) {
    if (size > 0 && !in_.read(static_cast<char*>(at), static_cast<std::streamsize>(size)))
      throw std::runtime_error("the cases cannot be read");
  }
  template <class T>
  void Size(std::vector<T>& list) {
    uint64_t size = 0;
    Bytes(&size, sizeof(size));
    constexpr uint64_t kMost = uint64_t{1} << 32U;
    if (size > kMost) throw std::runtime_error("the cases are damaged");
    list.resize(size);
  }

 private:
  std::ifstream in_;
};

// The parts of each case, for reading and for writing.
template <class File, class T>
void Transfer(File& file, T& value) requires std::is_trivially_copyable_v<T> {
  file.Bytes(&value, sizeof(value));
}
template <class File, class T>
void Transfer(File& file, std::vector<T>& list);
template <class File, class... Parts>
void TransferAll(File& file, Parts&... parts) {
  (Transfer(file, parts), ...);
}
template <class File>
void Transfer(File& file, Image& image) {
  TransferAll(file, image.width, image.height, image.pixels);
}
template <class File>
void Transfer(File& file, SearchCase::Photo& photo) {
  TransferAll(file, photo.image, photo.sizes.doublings, photo.sizes.levels);
}
template <class File>
void Transfer(File& file, SearchCase& search) {
  TransferAll(file, search.photos, search.windows, search.faces, search.shapes);
}
template <class File>
void Transfer(File& file, MaskCase& mask) {
  bool flat = std::holds_alternative<FlatDrawing>(mask.drawing.mask);
  TransferAll(file, mask.image, mask.expected, mask.matte, mask.drawing.region, mask.drawing.rows, flat);
  if (flat) {
    if (!std::holds_alternative<FlatDrawing>(mask.drawing.mask)) mask.drawing.mask = FlatDrawing{};
    auto& drawing = std::get<FlatDrawing>(mask.drawing.mask);
    TransferAll(file, drawing.color, drawing.spans);
    return;
  }
  if (!std::holds_alternative<TemplateDrawing>(mask.drawing.mask)) mask.drawing.mask = TemplateDrawing{};
  auto& drawing = std::get<TemplateDrawing>(mask.drawing.mask);
  TransferAll(file, drawing.spans, drawing.texels, drawing.texture_width, drawing.texture_height, mask.shadow,
              drawing.shadow, drawing.light.gains, drawing.light.grid, drawing.grain);
  // Pointers of another process, or soon so.
  drawing.shadow.texels = mask.shadow.data();
  drawing.light.grid.gains = drawing.light.gains.data();
}
template <class File>
void Transfer(File& file, CropCase& crop) {
  TransferAll(file, crop.image, crop.resized, crop.by_area, crop.left, crop.top, crop.width, crop.height, crop.map,
              crop.mirrored);
}
template <class File>
void Transfer(File& file, TensorCase& tensor) {
  TransferAll(file, tensor.layout, tensor.crops, tensor.expected);
}
template <class File, class T>
void Transfer(File& file, std::vector<T>& list) {
  file.Size(list);
  if constexpr (std::is_trivially_copyable_v<T>)
    file.Bytes(list.data(), list.size() * sizeof(T));
  else
    for (T& part : list) Transfer(file, part);
}
template <class File>
void Transfer(File& file, DeviceCases& cases) {
  TransferAll(file, cases.models.search.components, cases.models.search.filters, cases.models.grain_tile, cases.trees,
              cases.searches, cases.masks, cases.tensors);
}

}  // namespace maskbench

#endif  // MASKBENCH_TESTS_DEVICE_CASES_H_
