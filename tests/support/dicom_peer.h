// A DICOM peer of our own for tests: what Debian's tools cannot do (transfer syntaxes that they do
// not know, data sets sent exactly as they lie in the file, statuses and comments read back).
// Blocking; one association for each call. Network failures throw std::runtime_error.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dicom/network/status.h"
#include "security/base/bytes.h"
#include "tests/support/dicom_objects.h"

namespace latent::test {

/// Query/Retrieve information models.
enum class Root { patient, study };

struct StoreAnswer {
  dicom::network::Status status = 0;
  std::string comment;
  /// The presentation context was refused: nothing was sent.
  bool is_context_refused = false;
  bool is_stored() const {
    return !is_context_refused && status == dicom::network::status::kSuccess;
  }
};

struct FindAnswer {
  dicom::network::Status status = 0;  ///< the final one
  std::string comment;
  std::vector<Attributes> matches;
};

struct Delivered {
  std::string sop_class, transfer_syntax;
  Bytes data_set;
};
/// By SOP Instance UID.
using Deliveries = std::map<std::string, Delivered>;

struct RetrieveAnswer {
  dicom::network::Status status = 0;  ///< the final one
  std::string comment;
  std::uint16_t completed = 0, failed = 0, warnings = 0;
  std::vector<std::string> failed_instances;
  Deliveries delivered;  ///< C-GET only; a C-MOVE delivers elsewhere
};

class DicomPeer {
 public:
  explicit DicomPeer(std::uint16_t port, std::string calling = "TESTPEER",
                     std::string called = "LATENT")
      : port_(port), calling_(std::move(calling)), called_(std::move(called)) {}

  dicom::network::Status echo() const;
  /// Bytes go out as they are, each object in a context of its own class and transfer syntax.
  /// Answers stand in the order of the objects; `on_answer` hears of each as it comes.
  using OnAnswer = std::function<void(const DicomObject&, const StoreAnswer&)>;
  std::vector<StoreAnswer> store(std::span<const DicomObject> objects,
                                 const OnAnswer& on_answer = {}) const;
  StoreAnswer store(const DicomObject& object) const {
    return store(std::span(&object, 1)).front();
  }
  /// `keys` hold Query/Retrieve Level and the rest. `fuzzy`: asks for fuzzy matching of names.
  enum class Names { exact, fuzzy };
  FindAnswer find(Root root, const Attributes& keys, Names names = Names::exact) const;
  /// Offers one context for each class and transfer syntax of `expected`.
  RetrieveAnswer get(Root root, const Attributes& keys,
                     std::span<const DicomObject> expected) const;
  /// One object, by its UIDs.
  RetrieveAnswer get(const DicomObject& object) const;
  RetrieveAnswer move(Root root, const Attributes& keys, const std::string& destination) const;

 private:
  std::uint16_t port_;
  std::string calling_, called_;
};

/// A C-MOVE destination on a free port that takes everything, in every transfer syntax.
class StoreSink {
 public:
  StoreSink();
  ~StoreSink();
  StoreSink(const StoreSink&) = delete;
  StoreSink& operator=(const StoreSink&) = delete;

  std::uint16_t port() const;
  /// "SINK=127.0.0.1:port", for --remote.
  std::string remote(const std::string& aet) const;
  /// What has come since the last call.
  Deliveries take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace latent::test
