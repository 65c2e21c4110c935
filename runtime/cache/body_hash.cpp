#include "runtime/cache/body_hash.hpp"

#include <openssl/evp.h>

#include <array>

namespace homeostat::cache {
namespace {

constexpr std::size_t digest_bytes = 16;

}  // namespace

void BodyHash::Free::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

BodyHash::BodyHash() : context_(EVP_MD_CTX_new()) {
  if (context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) context_.reset();
}

void BodyHash::update(std::string_view bytes) {
  if (context_ && EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1) {
    context_.reset();
  }
}

std::string BodyHash::digest() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  if (!context_ || EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) != 1) return {};
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < digest_bytes; ++i) {
    text += digits[digest[i] >> 4U];
    text += digits[digest[i] & 0x0FU];
  }
  return text;
}

}  // namespace homeostat::cache
