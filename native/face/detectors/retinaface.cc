// RetinaFace as its PyTorch programs export it: loc, conf and landms of square anchors.
#include "face/detectors/decoder.h"

namespace maskbench {

void DecodeRetinaFace(const DetectorDescription& description, const NetworkOutput& output, float least,
                      std::vector<FoundBox>& found) {
  if (!description.layers.empty()) return DecodeSsdAnchors(description, output, least, found);
  DetectorDescription usual = description;
  usual.layers = {{8, {{16, 16}, {32, 32}}}, {16, {{64, 64}, {128, 128}}}, {32, {{256, 256}, {512, 512}}}};
  DecodeSsdAnchors(usual, output, least, found);
}

}  // namespace maskbench
