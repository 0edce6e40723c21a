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
// What `{ data }`, a file's first bytes, is the start of.
Napi::Value ImageKind(const Napi::CallbackInfo& info);
// [x, y] for each point.
template <typename Points>
Napi::Array PointArray(Napi::Env env, const Points& points) {
  Napi::Array array = Napi::Array::New(env, points.size());
  for (uint32_t i = 0; i < points.size(); ++i) {
    Napi::Array point = Napi::Array::New(env, 2);
    point.Set(0U, points[i].x);
    point.Set(1U, points[i].y);
    array.Set(i, point);
  }
  return array;
}
// `box`, `score`, `landmarks` and, where there are some, `points`.
Napi::Object FaceObject(Napi::Env env, const Face& found);

}  // namespace maskbench

#endif  // MASKBENCH_BINDINGS_PHOTO_H_
