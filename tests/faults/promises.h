// After the fault: what was acknowledged is there, bit for bit; nothing half is visible; counters
// say what is there.
#pragma once

#include <cstdint>
#include <string>

#include "tests/faults/senders.h"
#include "tests/support/archive_process.h"

namespace latent::test {

struct Kept {
  int acknowledged = 0;
  int lost = 0;       ///< acknowledged and not there, or there and changed
  int delivered = 0;  ///< acknowledged or not
};

/// Brings every study of `fates` back by C-GET and compares; C-FIND must count the same. Failed
/// expectations name what is wrong.
Kept expect_promises_kept(const ArchiveProcess& archive, const Fates& fates);

/// The whole of `fates` is sent again, as senders do that were not answered: all is taken, nothing
/// is there twice.
void expect_repetition_works(const ArchiveProcess& archive, const Fates& fates);

/// LATENT_TEST_ALL, and not in a build that is too slow for it.
bool long_form();
/// From LATENT_SEED or chosen; printed, so that a failure can be repeated.
std::uint64_t printed_seed();

/// Rows to standard output, and to $LATENT_PROOF/<name>.md when that is set.
class ProofTable {
 public:
  ProofTable(std::string name, std::vector<std::string> columns);
  ~ProofTable();
  ProofTable(const ProofTable&) = delete;
  ProofTable& operator=(const ProofTable&) = delete;
  void add(const std::vector<std::string>& cells);
  /// A line of text below the table.
  void note(const std::string& text) { notes_ += "\n" + text + "\n"; }

 private:
  std::string name_, text_, notes_;
};

}  // namespace latent::test
