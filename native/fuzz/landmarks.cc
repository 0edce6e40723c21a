// The compact copy of the landmark model in the cache folder, by a forger who knows its checksum.

// Its functions are the file's own.
#include "face/landmarks.cc"  // NOLINT(bugprone-suspicious-include)

// The checksum asks for help: without a thread what it asks piles up.
extern "C" int LLVMFuzzerInitialize(int* /*count*/, char*** /*arguments*/) {
  maskbench::ThreadPool::Shared().Reserve(1);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using maskbench::TreeFileHeader;
  const struct stat source {};
  maskbench::Bytes file(data, data + size);
  TreeFileHeader header;
  if (size >= sizeof(header)) {
    std::memcpy(&header, file.data(), sizeof(header));
    header.magic = maskbench::kMagic;
    header.source_size = 0;
    header.source_time = 0;
    header.checksum = maskbench::Checksum(std::span(file).subspan(sizeof(header)));
    std::memcpy(file.data(), &header, sizeof(header));
  }
  if (const auto known = maskbench::Verify(file, source)) {
    const maskbench::Image image(40, 30);
    maskbench::CompactPredictor(*known, std::move(file)).Predict(image, {5, 5, 30, 25});
  }
  return 0;
}
