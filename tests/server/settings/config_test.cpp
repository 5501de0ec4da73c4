#include "server/settings/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <regex>
#include <sstream>
#include <string>

#include "tests/support/source_directory.h"

namespace latent::server::settings {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A configuration file for one test, removed with it.
class ConfigFile {
 public:
  explicit ConfigFile(const std::string& text) {
    std::string name = ::testing::TempDir() + "latent-config-XXXXXX";
    const int fd = ::mkstemp(name.data());
    EXPECT_GE(fd, 0);
    ::close(fd);
    path_ = name;
    std::ofstream(path_) << text;
  }
  ConfigFile(const ConfigFile&) = delete;
  ConfigFile& operator=(const ConfigFile&) = delete;
  ~ConfigFile() { ::unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Result<Config> load(const std::string& text, const Overrides& overrides = {}) {
  const ConfigFile file(text);
  return load_config(file.path(), overrides);
}

/// Expects that the start is refused with a sentence that begins with file and `line`, then goes on
/// as given.
void expect_refused(const std::string& text, unsigned line, const std::string& key,
                    const std::string& words) {
  SCOPED_TRACE(text);
  const ConfigFile file(text);
  const auto config = load_config(file.path(), {});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::invalid_input);
  EXPECT_THAT(config.error().text,
              StartsWith(file.path() + ":" + std::to_string(line) + ": " + key));
  EXPECT_THAT(config.error().text, HasSubstr(words));
}

std::string read_example() {
  std::ifstream stream(test::source_directory() / "latent.example.toml");
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}
/// The example with its settings switched on.
std::string example_uncommented() {
  return std::regex_replace("\n" + read_example(), std::regex("\n#(?=[a-z_\\[])"), "\n").substr(1);
}

TEST(Config, WithoutFileHasTheDocumentedDefaults) {
  const auto config = load_config(std::nullopt, {});

  ASSERT_TRUE(config);
  EXPECT_EQ(config->dimse.aet.text(), "LATENT");
  EXPECT_EQ(config->dimse.listener.port, 11112);
  EXPECT_EQ(config->http.listener.port, 8080);
  EXPECT_THAT(config->dimse.listener.addresses, ElementsAre("127.0.0.1", "::1"));
  EXPECT_FALSE(config->database_url);
  EXPECT_EQ(config->store.ingest_bytes, 256u << 20);
  EXPECT_TRUE(config->data_dir.is_absolute());
  EXPECT_EQ(config->root_key, "file:" + config->data_dir.string() + ".root-key");
}

TEST(Config, ReadsEveryKindOfValue) {
  const auto config = load(R"(
data = "/srv/archive"
root_key = "file:/etc/archive.key"
log_level = "warn"
[dimse]
aet = "MAIN"
listen = ["127.0.0.1"]
port = 104
check_called_aet = false
artim_timeout_s = 7
[store]
duplicates = "keep-first"
ingest_bytes = "64 MiB"
min_free_bytes = 5000
assumed_character_set = "ISO 2022 IR 6\\ISO 2022 IR 87"
[limits]
sequence_depth_max = 32
[[peer]]
aet = "CT1"
address = "[2001:db8::7]:104"
services = ["store", "echo"]
assumed_character_set = "GB18030"
idle_timeout_s = 20
[[peer]]
aet = "WS1"
)");

  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->data_dir, "/srv/archive");
  EXPECT_EQ(config->root_key, "file:/etc/archive.key");
  EXPECT_EQ(config->log_level, log::Level::warn);
  EXPECT_EQ(config->dimse.aet.text(), "MAIN");
  EXPECT_EQ(config->dimse.listener.port, 104);
  EXPECT_FALSE(config->dimse.listener.addresses_are_default);
  EXPECT_FALSE(config->dimse.check_called_aet);
  EXPECT_EQ(config->dimse.artim_timeout, seconds(7));
  EXPECT_EQ(config->store.duplicates, Duplicates::keep_first);
  EXPECT_EQ(config->store.ingest_bytes, 64u << 20);
  EXPECT_EQ(config->store.min_free_bytes, 5000u);
  EXPECT_EQ(config->store.assumed_character_set, "ISO 2022 IR 6\\ISO 2022 IR 87");
  EXPECT_EQ(config->limits.sequence_depth_max, 32u);
  ASSERT_EQ(config->peers.size(), 2u);
  EXPECT_EQ(config->peers[0].address, (HostPort{"2001:db8::7", 104}));
  EXPECT_THAT(config->peers[0].services,
              ElementsAre(security::access::Action::store, security::access::Action::echo));
  EXPECT_EQ(config->peers[0].idle_timeout, seconds(20));
  ASSERT_NE(config->peer(*AeTitle::parse("WS1")), nullptr);
  EXPECT_FALSE(config->peer(*AeTitle::parse("WS1"))->address);
  EXPECT_EQ(config->peer(*AeTitle::parse("WS2")), nullptr);
}

TEST(Config, AWrongFileIsRefusedWithLineAndKey) {
  expect_refused("data = \"x\"\nprot = 1\n", 2, "prot", "unknown key; known here: data, database");
  expect_refused("[dimse]\nprot = 1\n", 2, "dimse.prot",
                 "known here: aet, listen, port, check_called_aet");
  expect_refused("\n[dicom]\nport = 1\n", 2, "dicom", "unknown key");
  expect_refused("dimse = 5\n", 1, "dimse", "must be a table");
  expect_refused("[dimse]\n\nport = \"11112\"\n", 3, "dimse.port", "must be an integer, is text");
  expect_refused("[dimse]\nport = 0\n", 2, "dimse.port", "must lie between 1 and 65535, is 0");
  expect_refused("[dimse]\nport = 65536\n", 2, "dimse.port", "must lie between");
  expect_refused("[dimse]\naet = \"SEVENTEEN LETTERS\"\n", 2, "dimse.aet", "AE title");
  expect_refused("[dimse]\naet = ['A']\n", 2, "dimse.aet", "must be text, is a list");
  expect_refused("[dimse]\nlisten = [\"localhost\"]\n", 2, "dimse.listen", "no numeric address");
  expect_refused("[dimse]\nlisten = []\n", 2, "dimse.listen", "at least one");
  expect_refused("[dimse]\ncheck_called_aet = 1\n", 2, "dimse.check_called_aet", "true or false");
  expect_refused("[store]\nduplicates = \"newest\"\n", 2, "store.duplicates", "\"keep-first\"");
  expect_refused("[store]\ningest_bytes = \"1 MB\"\n", 2, "store.ingest_bytes", "256 MiB");
  expect_refused("[store]\ningest_bytes = -1\n", 2, "store.ingest_bytes", "256 MiB");
  expect_refused("[store]\ningest_bytes = \"99999999999 TiB\"\n", 2, "store.ingest_bytes", "MiB");
  expect_refused("[store]\ningest_bytes = 100\n", 2, "store.ingest_bytes", "at least");
  expect_refused("[store]\nassumed_character_set = \"UTF8\"\n", 2, "store.assumed_character_set",
                 "defined term");
  expect_refused("root_key = \"/etc/key\"\n", 1, "root_key", "file:PATH");
  expect_refused("database = \"mysql://x\"\n", 1, "database", "postgresql://");
  expect_refused("log_level = \"loud\"\n", 1, "log_level", "\"debug\"");
  expect_refused("[[peer]]\naddress = \"a:1\"\n", 1, "peer.aet", "is missing");
  expect_refused("[[peer]]\naet = \"A\"\naddress = \"a\"\n", 3, "peer.address", "HOST:PORT");
  expect_refused("[[peer]]\naet = \"A\"\nport = 5\n", 3, "peer.port", "known here: aet, address");
  expect_refused("[[peer]]\naet = \"A\"\nservices = [\"fnd\"]\n", 3, "peer.services", "\"find\"");
  expect_refused("[[peer]]\naet = \"A\"\n[[peer]]\naet = \"A\"\n", 3, "peer.aet", "twice");
  expect_refused("[peer]\naet = \"A\"\n", 1, "peer", "[[peer]]");
  expect_refused("data = \"x\"\ndata = \"y\"\n", 2, "is not TOML", "");
  expect_refused("data = \n", 1, "is not TOML", "");
}

TEST(Config, AMissingFileIsNamed) {
  const auto config = load_config("/nonexistent/latent.toml", {});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::not_found);
  EXPECT_THAT(config.error().text, HasSubstr("/nonexistent/latent.toml"));
}

TEST(Config, ALimitIsRaisedOnlyWithAReason) {
  expect_refused("[limits]\nsequence_depth_max = 65\n", 2, "limits.sequence_depth_max", "reason");
  const auto config =
      load("[limits]\nsequence_depth_max = 65\nreason = \"vendor X nests deeply\"\n");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->limits.sequence_depth_max, 65u);
}

// T01 of security.md: what is open to other machines without protection never starts.
TEST(Config, AListenerOpenToOtherMachinesIsRefusedWithoutProtection) {
  const std::string peer = "[[peer]]\naet = \"CT1\"\n";
  expect_refused("[dimse]\nlisten = [\"0.0.0.0\"]\n", 2, "dimse.listen", "[[peer]]");
  expect_refused("[dimse]\nlisten = [\"127.0.0.1\", \"::\"]\n", 2, "dimse.listen", "\"::\"");
  expect_refused("[dimse]\nlisten = [\"192.0.2.1\"]\n", 2, "dimse.listen", "other machines");
  expect_refused("[http]\nlisten = [\"0.0.0.0\"]\n", 2, "http.listen", "other machines");
  expect_refused("[dimse]\nlisten = [\"0.0.0.0\"]\n[http]\nlisten = [\"::\"]\n", 4, "http.listen",
                 "TLS");
  expect_refused("[dimse]\nlisten = [\"0.0.0.0\"]\n" + peer + "plain = true\n", 3, "peer.address",
                 "CT1");
  expect_refused("[dimse]\nlisten = [\"0.0.0.0\"]\n" + peer + "address = \"192.0.2.9:104\"\n", 3,
                 "peer.plain", "unencrypted");
}

TEST(Config, AListenerOpenToListedPeersStarts) {
  const auto config = load(
      "[dimse]\nlisten = [\"0.0.0.0\"]\n[[peer]]\naet = \"CT1\"\naddress = \"192.0.2.9:104\"\n"
      "plain = true\n");
  EXPECT_TRUE(config) << config.error().text;
  EXPECT_TRUE(load("[dimse]\nlisten = [\"127.3.2.1\", \"::1\"]\n"));
}

TEST(Config, APasswordNeedsAFileThatOnlyItsOwnerReads) {
  const ConfigFile file("database = \"postgresql://me:secret@localhost/latent\"\n");
  ASSERT_EQ(::chmod(file.path().c_str(), 0640), 0);
  const auto refused = load_config(file.path(), {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text, HasSubstr("chmod 600"));
  EXPECT_EQ(refused.error().text.find("secret"), std::string::npos);

  ASSERT_EQ(::chmod(file.path().c_str(), 0600), 0);
  EXPECT_TRUE(load_config(file.path(), {}));
}

TEST(Config, ARemoteDatabaseMustProveItself) {
  expect_refused("database = \"postgresql://me@db.example/latent\"\n", 1, "database",
                 "verify-full");
  expect_refused("database = \"postgresql:///latent?host=db.example\"\n", 1, "database",
                 "verify-full");
  EXPECT_TRUE(load("database = \"postgresql://me@db.example/latent?sslmode=verify-full\"\n"));
  EXPECT_TRUE(load("database = \"postgresql:///latent?host=/run/postgresql\"\n"));
}

TEST(Config, TheCommandLineWinsOverTheFile) {
  const std::string text =
      "data = \"/srv/a\"\n[dimse]\naet = \"A\"\nport = 1\n[[peer]]\naet = \"SINK\"\n"
      "issuer_of_patient_id = \"HOSP\"\n";
  Overrides overrides;
  overrides.data_dir = "/srv/b/";
  overrides.aet = "B";
  overrides.dimse_port = std::uint16_t{2};
  overrides.http_port = std::uint16_t{3};
  overrides.remotes = {"SINK=127.0.0.1:104", "OTHER=host.example:105"};

  const auto config = load(text, overrides);

  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->data_dir, "/srv/b");
  EXPECT_EQ(config->root_key, "file:/srv/b.root-key");
  EXPECT_EQ(config->dimse.aet.text(), "B");
  EXPECT_EQ(config->dimse.listener.port, 2);
  EXPECT_EQ(config->http.listener.port, 3);
  ASSERT_EQ(config->peers.size(), 2u);
  EXPECT_EQ(config->peers[0].address, (HostPort{"127.0.0.1", 104}));
  EXPECT_EQ(config->peers[0].issuer_of_patient_id, "HOSP");
  EXPECT_EQ(config->peers[1].address, (HostPort{"host.example", 105}));
}

TEST(Config, WrongOptionsAreRefused) {
  for (const char* remote : {"SINK", "SINK=", "=h:1", "SINK=h", "SINK=h:0", "SINK=h:65536",
                             "SINK=h:1x", "SINK=a b:1", "SINK=::1:104", "SINK=$(id):104"}) {
    Overrides overrides;
    overrides.remotes = {remote};
    EXPECT_FALSE(load_config(std::nullopt, overrides)) << remote;
  }
  Overrides same_port;
  same_port.dimse_port = std::uint16_t{8080};
  EXPECT_FALSE(load_config(std::nullopt, same_port));
  Overrides root;
  root.data_dir = "/";
  EXPECT_FALSE(load_config(std::nullopt, root));
}

TEST(Config, TheRootKeyNeverLiesInsideTheDataFolder) {
  EXPECT_FALSE(load("data = \"/srv/a\"\nroot_key = \"file:/srv/a/key\"\n"));
  EXPECT_FALSE(load("data = \"/srv/a\"\nroot_key = \"file:/srv/b/../a/deep/key\"\n"));
  EXPECT_TRUE(load("data = \"/srv/a\"\nroot_key = \"file:/srv/a-key\"\n"));
}

TEST(Config, TheRootKeyMayComeFromElsewhere) {
  for (const std::string source : {"credential:latent", "env:LATENT_KEY"}) {
    const auto config = load("root_key = \"" + source + "\"\n");
    ASSERT_TRUE(config) << config.error().text;
    EXPECT_EQ(config->root_key, source);
    EXPECT_TRUE(config->root_key_file().empty());
  }
}

TEST(ConfigExample, ParsesAndChangesNothing) {
  ASSERT_FALSE(read_example().empty());
  EXPECT_TRUE(load(read_example()));
  const auto uncommented = load(example_uncommented());
  const auto defaults = load_config(std::nullopt, {});
  ASSERT_TRUE(uncommented) << uncommented.error().text;
  ASSERT_TRUE(defaults);

  EXPECT_EQ(uncommented->dimse.aet, defaults->dimse.aet);
  EXPECT_EQ(uncommented->dimse.check_called_aet, defaults->dimse.check_called_aet);
  EXPECT_EQ(uncommented->dimse.listener.addresses, defaults->dimse.listener.addresses);
  EXPECT_EQ(uncommented->dimse.listener.port, defaults->dimse.listener.port);
  EXPECT_EQ(uncommented->dimse.associations_max, defaults->dimse.associations_max);
  EXPECT_EQ(uncommented->dimse.artim_timeout, defaults->dimse.artim_timeout);
  EXPECT_EQ(uncommented->dimse.idle_timeout, defaults->dimse.idle_timeout);
  EXPECT_EQ(uncommented->dimse.dimse_timeout, defaults->dimse.dimse_timeout);
  EXPECT_EQ(uncommented->dimse.connect_timeout, defaults->dimse.connect_timeout);
  EXPECT_EQ(uncommented->http.listener.addresses, defaults->http.listener.addresses);
  EXPECT_EQ(uncommented->http.listener.port, defaults->http.listener.port);
  EXPECT_EQ(uncommented->store.duplicates, defaults->store.duplicates);
  EXPECT_EQ(uncommented->store.private_sop_classes, defaults->store.private_sop_classes);
  EXPECT_EQ(uncommented->store.assumed_character_set, defaults->store.assumed_character_set);
  EXPECT_EQ(uncommented->store.ingest_bytes, defaults->store.ingest_bytes);
  EXPECT_EQ(uncommented->query.answers_max, defaults->query.answers_max);
  EXPECT_EQ(uncommented->limits.sequence_depth_max, defaults->limits.sequence_depth_max);
  EXPECT_EQ(uncommented->limits.elements_max, defaults->limits.elements_max);
  EXPECT_EQ(uncommented->limits.sequence_items_max, defaults->limits.sequence_items_max);
  EXPECT_EQ(uncommented->limits.value_held_bytes_max, defaults->limits.value_held_bytes_max);
  EXPECT_EQ(uncommented->limits.object_bytes_max, defaults->limits.object_bytes_max);
  EXPECT_EQ(uncommented->limits.inflated_bytes_max, defaults->limits.inflated_bytes_max);
  EXPECT_EQ(uncommented->log_level, defaults->log_level);
  EXPECT_EQ(uncommented->peers.at(0).plain, Peer{.aet = defaults->dimse.aet}.plain);
  EXPECT_EQ(uncommented->peers.at(0).services, Peer{.aet = defaults->dimse.aet}.services);
}

TEST(ConfigExample, NamesEveryKey) {
  std::stringstream lines(example_uncommented());
  std::vector<std::string> named;
  std::string table;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, std::regex(R"(\[+([a-z]+)\]+)"))) table = match.str(1) + ".";
    if (std::regex_match(line, match, std::regex(R"(([a-z_]+) = .*)")))
      named.push_back(table + match.str(1));
  }
  const auto known = known_config_keys();
  EXPECT_THAT(named, ::testing::UnorderedElementsAreArray(known));
}

}  // namespace
}  // namespace latent::server::settings
