#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "security/keys/ring_entry.h"
#include "security/keys/root_key.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_directory.h"

namespace latent::security::keys {
namespace {

using crypto::random_id;
using crypto::Secret;

Roots one(RootKey key) {
  std::vector<RootKey> keys;
  keys.push_back(std::move(key));
  return Roots(std::move(keys));
}

StudyKey new_key() { return {random_id<KeyId>(), Secret<32>::random()}; }

TEST(RootKey, LineComesBackAndAnyTypingErrorIsFound) {
  const RootKey key = RootKey::random();
  const std::string line = key.line();
  EXPECT_EQ(parse_root_line(line + "\n").value().root_id(), key.root_id());
  for (std::size_t i = 0; i < line.size(); ++i) {
    std::string wrong = line;
    wrong[i] = wrong[i] == 'B' ? 'C' : 'B';
    EXPECT_EQ(parse_root_line(wrong).error().where, "root") << i;
    EXPECT_FALSE(parse_root_line(line.substr(0, i))) << i;
  }
  EXPECT_FALSE(parse_root_line(line + " more"));
}

TEST(RootKey, ReadsTheSharedVector) {
  const auto path = test::shared_file("formats/vectors/root.key");
  if (!path) GTEST_SKIP() << "no shared data (LATENT_SHARED)";
  std::ifstream file(*path);
  const std::string line((std::istreambuf_iterator<char>(file)), {});
  EXPECT_TRUE(parse_root_line(line));
}

TEST(RootKeyFile, IsMadeForItsOwnerOnlyAndNeverOverwritten) {
  const test::TemporaryDirectory folder;
  const auto path = folder / "root.key";
  const RootKey made = create_root_key_file(path).value();

  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0400u);
  EXPECT_EQ(load_root_key_file(path).value().root_id(), made.root_id());
  EXPECT_EQ(create_root_key_file(path).error().code, ErrorCode::conflict);
  EXPECT_EQ(load_root_key_file(path).value().root_id(), made.root_id());
}

TEST(RootKeyFile, IsRefusedWhenOthersMayUseIt) {
  const test::TemporaryDirectory folder;
  const auto path = folder / "root.key";
  ASSERT_TRUE(create_root_key_file(path));
  for (const mode_t mode : {0440, 0404, 0420, 0401}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    EXPECT_EQ(load_root_key_file(path).error().code, ErrorCode::refused) << std::oct << mode;
  }
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  EXPECT_TRUE(load_root_key_file(path));
  EXPECT_EQ(load_root_key_file(folder / "none").error().code, ErrorCode::not_found);
  EXPECT_FALSE(load_root_key_file(folder.path()));
}

TEST(KeySource, FileEnvironmentAndCredentialGiveTheSameKey) {
  const test::TemporaryDirectory folder;
  const RootKey made = create_root_key_file(folder / "root.key").value();
  ASSERT_EQ(::setenv("LATENT_TEST_ROOT", made.line().c_str(), 1), 0);
  ASSERT_EQ(::setenv("CREDENTIALS_DIRECTORY", folder.path().c_str(), 1), 0);

  const std::string file = "file:" + (folder / "root.key").string();
  for (const std::string& text :
       {file, std::string("env:LATENT_TEST_ROOT"), std::string("credential:root.key")}) {
    const auto source = parse_key_source(text);
    ASSERT_TRUE(source) << text;
    EXPECT_EQ(source->kind_name(), text.substr(0, text.find(':')));
    EXPECT_EQ(load_root_key(*source).value().root_id(), made.root_id()) << text;
  }
  EXPECT_EQ(std::getenv("LATENT_TEST_ROOT"), nullptr);
  for (const char* wrong : {"", "file", "file:", "exec:true", "credential:../root.key"})
    EXPECT_FALSE(parse_key_source(wrong)) << wrong;
}

TEST(RingEntry, OpensUnderItsRootIdAndStoreOnly) {
  const StoreId store = random_id<StoreId>();
  const StudyKey key = new_key();
  const RootKey root = RootKey::random();
  const Bytes entry = wrap_key(root, store, key, KeyPurpose::study, "2.25.77", 1'790'000'000'000);
  const Roots roots = one(parse_root_line(root.line()).value());

  const OpenedKey opened = unwrap_key(roots, store, key.id(), entry).value();
  EXPECT_TRUE(crypto::equal_in_constant_time(opened.key->secret().reveal(), key.secret().reveal()));
  EXPECT_EQ(opened.label, "2.25.77");
  EXPECT_EQ(opened.purpose, KeyPurpose::study);
  EXPECT_EQ(parse_ring_entry(entry).value().created_ms, 1'790'000'000'000u);

  EXPECT_EQ(unwrap_key(roots, random_id<StoreId>(), key.id(), entry).error().where, "auth");
  EXPECT_EQ(unwrap_key(roots, store, random_id<KeyId>(), entry).error().where, "auth");
  EXPECT_EQ(unwrap_key(one(RootKey::random()), store, key.id(), entry).error().where, "root");
}

TEST(RingEntry, HidesItsLabelAndRefusesEveryFlippedByteAndCut) {
  const StoreId store = random_id<StoreId>();
  const StudyKey key = new_key();
  const RootKey root = RootKey::random();
  Bytes entry = wrap_key(root, store, key, KeyPurpose::study, "2.25.777777777777", 1);
  const Roots roots = one(parse_root_line(root.line()).value());

  EXPECT_EQ(as_text(entry).find("777777"), std::string_view::npos);
  for (std::size_t i = 0; i < entry.size(); ++i) {
    entry[i] ^= std::byte{1};
    EXPECT_FALSE(unwrap_key(roots, store, key.id(), entry)) << i;
    entry[i] ^= std::byte{1};
    EXPECT_FALSE(unwrap_key(roots, store, key.id(), ByteSpan(entry).first(i))) << i;
  }
  EXPECT_TRUE(unwrap_key(roots, store, key.id(), entry));
}

TEST(Roots, OlderRootsOpenWhileTheFirstWraps) {
  const StoreId store = random_id<StoreId>();
  const StudyKey key = new_key();
  std::vector<RootKey> keys;
  keys.push_back(RootKey::random());
  keys.push_back(RootKey::random());
  const Bytes old = wrap_key(keys[1], store, key, KeyPurpose::store, "", 1);
  const RootId active = keys[0].root_id();
  const Roots roots(std::move(keys));
  EXPECT_EQ(roots.active().root_id(), active);
  EXPECT_TRUE(unwrap_key(roots, store, key.id(), old));
}

}  // namespace
}  // namespace latent::security::keys
