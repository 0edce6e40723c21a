#ifndef MASKBENCH_BINDINGS_PHOTO_H_
#define MASKBENCH_BINDINGS_PHOTO_H_

#include <napi.h>

#include "face/finder.h"
#include "image/source.h"

namespace maskbench {

// `path`, or `data` (a file's bytes; with `channels`, `width` and `height`, pixels), which is read where it lies.
Source ParseSource(const Napi::Object& object);
Box ParseBox(const Napi::Object& object, const char* name);
// `faces`, absent where they are to be searched.
KnownFaces ParseFaces(const Napi::Object& object);
// NativeSearchOptions.
FinderOptions ParseSearch(const Napi::Object& object);
// Whether `{ data }`, a file's first bytes, is the start of an image.
Napi::Value IsImageValue(const Napi::CallbackInfo& info);
// `box`, `score`, `landmarks` and, where there are some, `points`.
Napi::Object FaceObject(Napi::Env env, const Face& found);

}  // namespace maskbench

#endif  // MASKBENCH_BINDINGS_PHOTO_H_
