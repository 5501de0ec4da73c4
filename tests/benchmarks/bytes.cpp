// What each byte of an object costs on its way in and out, beside the floor: memcpy and SHA-256.
#include <cstring>
#include <memory>
#include <stdexcept>

#include "dicom/scanner/dataset_index.h"
#include "security/crypto/sealed_stream.h"
#include "security/crypto/sha256.h"
#include "storage/catalog/attributes.h"
#include "tests/benchmarks/benchmarks.h"
#include "tests/benchmarks/measure.h"
#include "tests/support/data_sets.h"

namespace latent::benchmarks {
namespace {

namespace crypto = security::crypto;

constexpr std::string_view kExplicitLittle = "1.2.840.10008.1.2.1";
constexpr Seconds kAtLeast{0.5};
/// As the DICOM face hands bytes on.
constexpr std::size_t kPieceBytes = 64u << 10;

struct Sample {
  std::string name;
  Bytes data_set;
};

std::vector<Sample> samples() {
  std::vector<Sample> made;
  made.push_back({"CT 512 x 512, 525 KB", test::data_set({.pixel_bytes = 2 * 512 * 512})});
  made.push_back({"small, 2 KB", test::data_set({})});
  made.push_back({"4 MB", test::data_set({.pixel_bytes = 4'000'000})});
  return made;
}

void in_pieces(ByteSpan bytes, const std::function<void(ByteSpan)>& take) {
  while (!bytes.empty()) {
    const ByteSpan piece = bytes.first(std::min(kPieceBytes, bytes.size()));
    bytes = bytes.subspan(piece.size());
    take(piece);
  }
}

void scan(ByteSpan data_set) {
  dicom::scanner::DatasetScanner scanner(kExplicitLittle, Limits{},
                                         storage::catalog::wanted_tags());
  in_pieces(data_set, [&](ByteSpan piece) {
    if (!scanner.feed(piece)) throw std::runtime_error("the scanner refuses the sample");
  });
  if (!scanner.finish()) throw std::runtime_error("the scanner refuses the sample");
}

class Sealing {
 public:
  Bytes seal(ByteSpan data_set) const {
    Bytes sealed;
    sealed.reserve(data_set.size() + data_set.size() / 64 + 4096);
    crypto::SealedWriter writer(*key_,
                                {.blob_id = crypto::random_id<BlobId>(), .key_id = key_->id()});
    writer.begin_data_set();
    in_pieces(data_set, [&](ByteSpan piece) { writer.write(piece, sealed); });
    writer.finish({}, sealed);
    return sealed;
  }
  void open(const Bytes& sealed, MutableByteSpan out) const {
    const auto read = [&sealed](std::uint64_t offset, MutableByteSpan part) -> Result<void> {
      std::memcpy(part.data(), sealed.data() + offset, part.size());
      return {};
    };
    const auto key_of = [this](const KeyId&) -> Result<crypto::StudyKeyPtr> { return key_; };
    auto reader = crypto::SealedReader::open(read, sealed.size(), key_of);
    if (!reader || !reader->read(0, out)) throw std::runtime_error("the sample does not open");
  }

 private:
  crypto::StudyKeyPtr key_ =
      std::make_shared<crypto::StudyKey>(crypto::random_id<KeyId>(), crypto::Secret<32>::random());
};

}  // namespace

void measure_bytes() {
  Table table("benchmark-bytes", "Bytes: GB/s on one core, median",
              {"object", "memcpy", "SHA-256", "scanner", "seal (with SHA-256)", "open"});
  for (const Sample& sample : samples()) {
    const Bytes& plain = sample.data_set;
    const auto rate = [&](const std::function<void()>& work) {
      return number(static_cast<double>(plain.size()) / 1e9 /
                    quantile(times_of(work, kAtLeast), 0.5).count());
    };
    Bytes copy(plain.size());
    const Sealing sealing;
    const Bytes sealed = sealing.seal(plain);
    table.row({sample.name, rate([&] { std::memcpy(copy.data(), plain.data(), plain.size()); }),
               rate([&] { static_cast<void>(crypto::sha256(plain)); }), rate([&] { scan(plain); }),
               rate([&] { sealing.seal(plain); }), rate([&] { sealing.open(sealed, copy); })});
  }
  table.print();
}

}  // namespace latent::benchmarks
