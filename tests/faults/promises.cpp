#include "tests/faults/promises.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>

#include "dicom/model/tag.h"
#include "tests/faults/fault_shim.h"
#include "tests/support/proof.h"

namespace latent::test {
namespace {

namespace tags = dicom::model::tags;

/// What C-FIND counts, -1 when it does not know the study.
int counted(const ArchiveProcess& archive, const std::string& study) {
  const FindAnswer found = DicomPeer(archive.port())
                               .find(Root::study, {{tags::kQueryRetrieveLevel, "STUDY"},
                                                   {tags::kStudyInstanceUid, study},
                                                   {tags::kNumberOfStudyRelatedInstances, ""}});
  EXPECT_EQ(found.status, dicom::network::status::kSuccess) << found.comment;
  if (found.matches.empty()) return -1;
  return std::atoi(value_of(found.matches.front(), tags::kNumberOfStudyRelatedInstances).c_str());
}

Kept check_study(const ArchiveProcess& archive, const std::string& study,
                 const std::map<int, bool>& fates) {
  Kept kept;
  const DicomObject example = object_of(study, 0);
  const auto got =
      DicomPeer(archive.port())
          .get(Root::study,
               {{tags::kQueryRetrieveLevel, "STUDY"}, {tags::kStudyInstanceUid, study}},
               std::span(&example, 1));
  EXPECT_EQ(got.status, dicom::network::status::kSuccess) << got.comment;
  EXPECT_EQ(got.failed, 0) << study;
  kept.delivered = static_cast<int>(got.delivered.size());
  int known = 0;
  for (const auto& [number, acknowledged] : fates) {
    const DicomObject sent = object_of(study, number);
    const auto found = got.delivered.find(sent.sop_instance);
    const bool is_there = found != got.delivered.end();
    const bool is_whole = is_there && found->second.data_set == sent.data_set;
    EXPECT_EQ(is_there, is_whole) << sent.sop_instance << " came back changed";
    EXPECT_TRUE(is_there || !acknowledged) << sent.sop_instance << " was acknowledged and is lost";
    known += is_there ? 1 : 0;
    kept.acknowledged += acknowledged ? 1 : 0;
    kept.lost += acknowledged && !is_whole ? 1 : 0;
  }
  EXPECT_EQ(known, kept.delivered) << study << " has objects that nobody sent";
  const int counter = counted(archive, study);
  EXPECT_TRUE(counter == kept.delivered || (counter == -1 && kept.delivered == 0))
      << study << ": counted " << counter << ", there are " << kept.delivered;
  return kept;
}

}  // namespace

Kept expect_promises_kept(const ArchiveProcess& archive, const Fates& fates) {
  Kept sum;
  for (const auto& [study, numbers] : fates) {
    const Kept kept = check_study(archive, study, numbers);
    sum.acknowledged += kept.acknowledged;
    sum.lost += kept.lost;
    sum.delivered += kept.delivered;
  }
  return sum;
}

void expect_repetition_works(const ArchiveProcess& archive, const Fates& fates) {
  Fates all;
  for (const auto& [study, numbers] : fates) {
    std::vector<DicomObject> objects;
    for (const auto& [number, acknowledged] : numbers) {
      objects.push_back(object_of(study, number));
      all[study][number] = true;
    }
    for (const StoreAnswer& answer : DicomPeer(archive.port()).store(objects))
      EXPECT_TRUE(answer.is_stored()) << std::hex << answer.status << " " << answer.comment;
  }
  expect_promises_kept(archive, all);
}

bool long_form() {
  const char* set = std::getenv("LATENT_TEST_ALL");
  return set != nullptr && *set != '\0' && shim_works_here();
}

std::uint64_t printed_seed() {
  const char* given = std::getenv("LATENT_SEED");
  const std::uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << "LATENT_SEED=" << seed << "\n";
  return seed;
}

ProofTable::ProofTable(std::string name, std::vector<std::string> columns)
    : name_(std::move(name)) {
  add(columns);
  add(std::vector<std::string>(columns.size(), "---"));
}

void ProofTable::add(const std::vector<std::string>& cells) {
  text_ += "|";
  for (const std::string& cell : cells) text_ += " " + cell + " |";
  text_ += "\n";
}

ProofTable::~ProofTable() { show_proof(name_, text_ + notes_); }

}  // namespace latent::test
