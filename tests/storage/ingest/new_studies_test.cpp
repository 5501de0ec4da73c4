#include "storage/ingest/detail/new_studies.h"

#include <gtest/gtest.h>

#include <string>

namespace latent::storage::ingest::detail {
namespace {

StudyUid study(int number) { return *StudyUid::parse("1.2." + std::to_string(number)); }
InstanceUid instance(int number) { return *InstanceUid::parse("1.3." + std::to_string(number)); }

TEST(NewStudies, OnlyOfAStudyThatBeganHereIsAnythingSure) {
  NewStudies studies;
  EXPECT_FALSE(studies.surely_lacks(study(1), instance(1)));
  studies.took(study(1), instance(1));
  EXPECT_FALSE(studies.surely_lacks(study(1), instance(2)));

  studies.began(study(1));
  EXPECT_TRUE(studies.surely_lacks(study(1), instance(1)));
  studies.took(study(1), instance(1));
  EXPECT_FALSE(studies.surely_lacks(study(1), instance(1)));
  EXPECT_TRUE(studies.surely_lacks(study(1), instance(2)));
  EXPECT_FALSE(studies.surely_lacks(study(2), instance(2)));
}

TEST(NewStudies, TheOldestAreForgottenWhenThereAreTooMany) {
  NewStudies studies;
  studies.began(study(1));
  studies.took(study(1), instance(0));
  studies.began(study(2));
  for (int i = 1; i < 200'000; ++i) studies.took(study(2), instance(i));

  EXPECT_FALSE(studies.surely_lacks(study(1), instance(-1 + 300'000)));
  // A study that alone is too large goes too.
  studies.began(study(3));
  for (int i = 0; i < 10; ++i) studies.took(study(2), instance(200'000 + i));
  EXPECT_FALSE(studies.surely_lacks(study(2), instance(300'000)));
  EXPECT_TRUE(studies.surely_lacks(study(3), instance(1)));
}

}  // namespace
}  // namespace latent::storage::ingest::detail
