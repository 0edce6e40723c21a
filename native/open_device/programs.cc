#include "open_device/programs.h"

namespace maskbench {

DeviceModels MakeDeviceModels() { return {MakeSearchModel(), GrainTile()}; }

}  // namespace maskbench
