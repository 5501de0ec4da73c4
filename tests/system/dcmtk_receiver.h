// DCMTK's storescp as a process: keeps what it is sent exactly as it comes, in every transfer
// syntax that it knows. A C-MOVE destination, and the record of what DCMTK's senders send.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/dicom_objects.h"
#include "tests/support/temporary_directory.h"

namespace latent::test {

class DcmtkReceiver {
 public:
  /// Returns when it accepts connections. Throws std::runtime_error when it does not start.
  DcmtkReceiver();
  ~DcmtkReceiver();
  DcmtkReceiver(const DcmtkReceiver&) = delete;
  DcmtkReceiver& operator=(const DcmtkReceiver&) = delete;

  std::uint16_t port() const { return port_; }
  std::string port_text() const { return std::to_string(port_); }
  std::string remote(const std::string& aet) const { return aet + "=127.0.0.1:" + port_text(); }
  /// What has come so far.
  std::vector<DicomObject> received() const;
  void forget();

 private:
  TemporaryDirectory folder_;
  std::uint16_t port_ = 0;
  int process_ = -1;
};

/// All DICOM files of a folder.
std::vector<DicomObject> objects_in(const std::filesystem::path& folder);

}  // namespace latent::test
