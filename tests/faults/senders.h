// Several senders at once, and a note of what each was promised. The objects are a function of
// their place (study, number), so that a test makes them again instead of keeping them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/dicom_peer.h"

namespace latent::test {

/// Mostly some kilobytes, now and then more than a megabyte; number 7 of a study whose UID ends
/// with ".1" is larger than what is held in memory (8 MiB).
DicomObject object_of(const std::string& study, int number);

struct Load {
  std::string root = "2.25.7";  ///< of the Study Instance UIDs
  int senders = 4;
  int studies_each = 2;
  int objects_each = 20;  ///< of a study
  bool large = true;      ///< also number 7 of ".1"
  /// So many senders share their studies: each sends its part of the objects.
  int sharing = 1;
  /// What is refused is sent again until it is taken; else it is left.
  bool persistent = false;
};

/// By study and number: whether it was acknowledged. What is not here was not offered.
using Fates = std::map<std::string, std::map<int, bool>>;

class Senders {
 public:
  Senders(std::uint16_t port, Load load);
  ~Senders() { join(); }
  Senders(const Senders&) = delete;
  Senders& operator=(const Senders&) = delete;

  /// False when that many were not acknowledged in time, or everybody has ended before.
  bool wait_for(std::size_t acknowledged, std::chrono::seconds patience = std::chrono::seconds(90));
  void join();

  std::size_t acknowledged();
  /// After join().
  const Fates& fates() const { return fates_; }
  const std::map<dicom::network::Status, int>& refusals() const { return refusals_; }
  /// The longest wait for one answer.
  std::chrono::milliseconds slowest() const { return slowest_; }
  /// When the last one was acknowledged.
  std::chrono::steady_clock::time_point last_acknowledged() const { return last_; }
  int associations_broken() const { return broken_; }

 private:
  void work(int sender);
  /// False when the peer is gone.
  bool send(const std::string& study, std::vector<int> numbers);
  std::string study_of(int sender, int which) const;

  const std::uint16_t port_;
  const Load load_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t acknowledged_ = 0;
  int working_ = 0;
  Fates fates_;
  std::map<dicom::network::Status, int> refusals_;
  std::chrono::milliseconds slowest_{0};
  std::chrono::steady_clock::time_point last_{};
  int broken_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace latent::test
