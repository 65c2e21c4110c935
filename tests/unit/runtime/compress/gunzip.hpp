// Test helper: decodes gzip with zlib itself.
#pragma once

#include <zlib.h>

#include <string>
#include <string_view>

namespace homeostat::compress::testing {

struct Gunzipped {
  std::string text;
  bool complete = false;  ///< the stream's end and checksum were seen
  bool ok = true;
};

inline Gunzipped gunzip(std::string_view input) {
  Gunzipped result;
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return {{}, false, false};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
  int status = Z_OK;
  char buffer[4096];
  do {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof(buffer);
    status = inflate(&stream, Z_NO_FLUSH);
    result.text.append(buffer, sizeof(buffer) - stream.avail_out);
  } while (status == Z_OK && (stream.avail_in > 0 || stream.avail_out == 0));
  result.complete = status == Z_STREAM_END && stream.avail_in == 0;
  result.ok = status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR;
  inflateEnd(&stream);
  return result;
}

}  // namespace homeostat::compress::testing
