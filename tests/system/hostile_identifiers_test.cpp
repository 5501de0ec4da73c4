// Identifiers of C-FIND, C-MOVE and C-GET that are no questions: SQL, patterns, values and keys
// without end, bytes that are no data set. The status of PS3.4 comes back, PostgreSQL reports no
// error, and the next question on the same association is answered.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/siege.h"
#include "tests/system/hostile_session.h"

namespace latent::test {
namespace {

namespace fs = std::filesystem;
namespace tags = dicom::model::tags;
using dicom::model::Tag;

const std::string kStudy = "2.25.9001", kSeries = "2.25.9002";
constexpr Tag kDescription{0x0008, 0x1030};

/// The folder of the archive's own PostgreSQL.
fs::path cluster_of(const ArchiveProcess& archive) {
  for (const auto& entry : fs::recursive_directory_iterator(archive.data_dir() / "pg"))
    if (entry.path().filename() == "postmaster.pid") return entry.path().parent_path();
  throw std::runtime_error("the archive has no PostgreSQL of its own");
}

/// The archive lets PostgreSQL log no errors of statements, since they may quote values. Here it
/// shall.
void log_errors(const ArchiveProcess& archive) {
  const fs::path cluster = cluster_of(archive);
  std::ofstream(cluster / "postgresql.auto.conf", std::ios::app) << "log_min_messages = error\n";
  int server = 0;
  std::ifstream(cluster / "postmaster.pid") >> server;
  ASSERT_GT(server, 1);
  ASSERT_EQ(::kill(server, SIGHUP), 0);
}

/// What the log holds of errors, of the start too.
std::string logged_errors(const ArchiveProcess& archive) {
  std::string errors;
  for (const auto& entry : fs::directory_iterator(cluster_of(archive) / "log")) {
    std::ifstream log(entry.path());
    for (std::string line; std::getline(log, line);)
      for (const char* severity : {"ERROR:", "FATAL:", "PANIC:"})
        if (line.find(severity) != std::string::npos) errors += line + "\n";
  }
  return errors;
}

Siege& siege() {
  static Siege* const kept = new Siege("identifiers");
  return *kept;
}

/// The final status, with what matched.
std::string answer_of(RawPeer& peer) {
  for (std::size_t matches = 0;; ++matches) {
    const Reply reply = peer.reply(std::chrono::seconds(60));
    const bool is_pending = (reply.status() & 0xFFFE) == 0xFF00;
    if (reply.kind == Reply::Kind::message && is_pending) continue;
    return reply.status() == 0 ? reply.text() + ", " + std::to_string(matches) + " matches"
                               : reply.text();
  }
}

class HostileIdentifiers : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_TRUE(DicomPeer(siege().port())
                    .store(make_object(
                        kStudy, kSeries, "2.25.9003",
                        {{tags::kPatientName, "O'Hara^Percent%_"}, {tags::kPatientId, "IT'S-1"}}))
                    .is_stored());
    ASSERT_TRUE(DicomPeer(siege().port())
                    .store(make_object("2.25.9101", "2.25.9102", "2.25.9103",
                                       {{tags::kPatientName, std::string(4'000, 'a')},
                                        {tags::kPatientId, "LONG"}}))
                    .is_stored());
    log_errors(siege().archive());
    errors_before() = logged_errors(siege().archive());
  }
  static void TearDownTestSuite() {
    EXPECT_EQ(logged_errors(siege().archive()), errors_before());
    delete &siege();
  }

  static std::string& errors_before() {
    static std::string before;
    return before;
  }

  static void ask(const std::string& input, ByteSpan identifier, const std::string& verdict,
                  std::uint8_t context = kFindContext) {
    const std::string came = siege().attack(input, [&] {
      RawPeer peer = associated(siege().port());
      const network::CFindRq find{.message_id = 1, .sop_class = std::string(kStudyFind)};
      peer.write(message(context, find.to_command(), identifier));
      const std::string answer = answer_of(peer);
      if (answer.find('H') == std::string::npos) return answer;
      peer.write(message(
          kFindContext, find.to_command(),
          encode_identifier({{tags::kQueryRetrieveLevel, "STUDY"}, {tags::kPatientId, "IT'S-1"}})));
      EXPECT_EQ(answer_of(peer), "0000H, 1 matches") << "the next question after " << input;
      return answer;
    });
    EXPECT_TRUE(came.starts_with(verdict)) << input << ": " << came << ", not " << verdict;
  }
  static void ask(const std::string& input, const Attributes& keys, const std::string& verdict) {
    Attributes all = keys;
    all.insert({tags::kQueryRetrieveLevel, "STUDY"});
    ask(input, encode_identifier(all), verdict);
  }
};

TEST_F(HostileIdentifiers, SqlAndPatternsAreValues) {
  const std::string texts[] = {"' OR '1'='1",
                               "'; DROP TABLE patient; --",
                               "\\'; SELECT pg_sleep(10); --",
                               "$1",
                               "$$;$$",
                               "%",
                               "_",
                               "%' --",
                               "x\" UNION SELECT",
                               "{}",
                               "{\"a\",NULL}",
                               "NULL",
                               "\\x00",
                               "(((((",
                               "[a-",
                               "a{1000}",
                               "***:.*",
                               "^$",
                               "\\1\\2",
                               std::string("IT'S\0-1", 7),
                               "\xE2\x80\x99 OR 1=1"};
  for (const Tag key : {tags::kPatientId, tags::kPatientName, kDescription, tags::kAccessionNumber,
                        tags::kModalitiesInStudy, tags::kStudyDate, tags::kStudyInstanceUid})
    for (const std::string& text : texts)
      ask(dicom::model::to_string(key) + " = " + text, Attributes{{key, text}}, "0000H, 0 matches");
  ask("the name with its quote", Attributes{{tags::kPatientName, "o'hara^percent%_"}},
      "0000H, 1 matches");
  ask("a LIKE pattern is no wildcard", Attributes{{tags::kPatientId, "IT%"}}, "0000H, 0 matches");
  ask("a wildcard is one", Attributes{{tags::kPatientId, "IT?S*"}}, "0000H, 1 matches");
}

TEST_F(HostileIdentifiers, PatternsThatTakeLongElsewhere) {
  const auto repeated = [](const std::string& text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
  };
  for (const auto& [name, pattern] : {std::pair{"500 stars, no match", repeated("a*", 500) + "b"},
                                      std::pair{"500 stars, one match", repeated("a*", 500)},
                                      std::pair{"1,000 question marks", repeated("?", 1'000)},
                                      std::pair{"500 times *?", repeated("*?", 500)},
                                      std::pair{"300 times ?*a", repeated("?*a", 300) + "b"}}) {
    for (const Tag key : {tags::kPatientName, tags::kPatientId})
      ask(std::string(name) + " in " + dicom::model::to_string(key), Attributes{{key, pattern}},
          "0000H");
  }
  std::string names;
  for (int i = 0; i < 64; ++i)
    names += (i == 0 ? "" : "\\") + repeated("?*", 7) + std::to_string(i) + "*";
  ask("64 names with seven wildcards each", Attributes{{tags::kPatientName, names}}, "0000H");
  Attributes everywhere;
  for (const Tag key : {Tag{0x0008, 0x0090}, Tag{0x0008, 0x1048}, Tag{0x0008, 0x1050},
                        Tag{0x0008, 0x1060}, Tag{0x0008, 0x1070}, tags::kPatientName})
    everywhere[key] = names;
  ask("384 of them in six keys", everywhere, "A900H");
}

TEST_F(HostileIdentifiers, ValuesAndKeysWithoutEnd) {
  ask("a value of 64 kB", Attributes{{tags::kPatientId, std::string(65'534, 'A')}}, "A900H");
  ask("a value of 64 kB of stars", Attributes{{tags::kPatientId, std::string(65'534, '*')}},
      "0000H");
  std::string uids;
  for (int i = 0; i < 40'000; ++i) uids += "1.2.3." + std::to_string(i) + "\\";
  uids += kStudy;
  ask("a list of 40,000 UIDs", Attributes{{tags::kStudyInstanceUid, uids}}, "0000H, 1 matches");
  std::string values;
  for (int i = 0; i < 5'000; ++i) values += std::to_string(i) + "\\";
  ask("5,000 values of a text", Attributes{{tags::kPatientId, values}}, "A900H");
  Attributes keys;
  for (std::uint16_t i = 0; i < 20'000; ++i)
    keys[{static_cast<std::uint16_t>(0x0009 + 2 * (i % 500)),
          static_cast<std::uint16_t>(0x1000 + i / 500)}] = "x";
  ask("20,000 private keys", keys, "0000H, 2 matches");
  Bytes twice = encode_identifier({{tags::kQueryRetrieveLevel, "STUDY"}});
  const Bytes one = encode_identifier({{tags::kPatientId, "IT'S-1"}});
  for (int i = 0; i < 50'000; ++i) append(twice, one);
  ask("50,000 times Patient ID", twice, "A900H");
  Attributes large{{tags::kQueryRetrieveLevel, "STUDY"}};
  for (std::uint16_t i = 0; i < 40; ++i)
    large[{0x0009, static_cast<std::uint16_t>(0x1000 + i)}] = std::string(65'000, 'x');
  ask("an identifier of 2.6 MB", encode_identifier(large), "A900H");
}

TEST_F(HostileIdentifiers, SequencesWithoutEnd) {
  const auto nested = [](std::size_t depth) {
    Bytes bytes = encode_identifier({{tags::kQueryRetrieveLevel, "STUDY"}});
    for (std::size_t i = 0; i < depth; ++i)
      append(bytes, "\x08\x00\x40\x11\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"_b);
    for (std::size_t i = 0; i < depth; ++i)
      append(bytes, "\xfe\xff\x0d\xe0\x00\x00\x00\x00\xfe\xff\xdd\xe0\x00\x00\x00\x00"_b);
    return bytes;
  };
  ask("64 levels", nested(64), "0000H, 2 matches");
  for (const std::size_t depth : {65u, 1'000u, 30'000u, 1'000'000u})
    ask(std::to_string(depth) + " levels", nested(depth), "A900H");
  Bytes items = encode_identifier({{tags::kQueryRetrieveLevel, "STUDY"}});
  append(items, "\x08\x00\x32\x10\xff\xff\xff\xff"_b);
  for (int i = 0; i < 100'000; ++i) append(items, "\xfe\xff\x00\xe0\x00\x00\x00\x00"_b);
  append(items, "\xfe\xff\xdd\xe0\x00\x00\x00\x00"_b);
  ask("100,000 empty items", items, "0000H, 2 matches");
}

TEST_F(HostileIdentifiers, LettersDatesAndNumbersThatAreNone) {
  for (const std::string set :
       {"ISO_IR 192", "ISO_IR 999", "GB18030", "\\ISO 2022 IR 87", "\\\\\\", "x' --"})
    ask("undecodable letters in " + set,
        Attributes{{tags::kSpecificCharacterSet, set},
                   {tags::kPatientName, "\xff\xfe\xc0\x80\xed\xa0\x80^\x1b$B\x1b"}},
        "0000H, 0 matches");
  for (const std::string date :
       {"99999999", "00000000", "00010101", "99991231-", "-00010101", "20240230",
        "20250101-20240101", "-", "--", "20240101-20240102-20240103", "2024", "20240101-x",
        "-20240101-", "1-9", "20240101\\20240102-"})
    for (const Tag key : {tags::kStudyDate, tags::kPatientBirthDate})
      ask(dicom::model::to_string(key) + " = " + date, Attributes{{key, date}}, "0000H");
  for (const std::string time :
       {"250000", "2460", "235960", "240000", "-", "12-11", "120000.1234567", "::", "1"})
    ask("time " + time, Attributes{{tags::kStudyTime, time}}, "0000H");
  for (const std::string number : {"99999999999999999999", "-1", "1.5", "0x10", "NaN"})
    ask("count " + number, Attributes{{tags::kNumberOfStudyRelatedInstances, number}},
        number == "-1" ? "0000H, 0 matches" : "A900H");
}

TEST_F(HostileIdentifiers, BytesThatAreNoDataSet) {
  const Bytes good =
      encode_identifier({{tags::kQueryRetrieveLevel, "STUDY"}, {tags::kPatientId, "x"}});
  ask("no bytes", Bytes(), "A900H");
  for (std::size_t cut = 1; cut < good.size(); cut += 3)
    if (cut != 14) ask("cut at byte " + std::to_string(cut), ByteSpan(good).first(cut), "A900H");
  ask("bytes of 0xFF", Bytes(1'000, std::byte{0xFF}), "A900H");
  ask("zeros", Bytes(1'000), "A900H");
  ask("a key that claims 2^32-2 bytes", joined({good, "\x20\x00\x0d\x00\xfe\xff\xff\xff"_b}),
      "A900H");
  ask("no level", encode_identifier({{tags::kPatientId, "x"}}), "A900H");
  for (const std::string level : {"", "WORLD", "STUDY\\SERIES", "PATIENT", "*"})
    ask("level " + level, encode_identifier({{tags::kQueryRetrieveLevel, level}}), "A900H");
  ask("level IMAGE without the keys above",
      encode_identifier({{tags::kQueryRetrieveLevel, "IMAGE"}}), "A900H");
  ask("deflated rubbish", Bytes(1'000, std::byte{0xA5}), "A900H", kDeflatedFindContext);
  // Two bytes of fixed Huffman codes, then the same 258 bytes for ever: nothing but zeros.
  ask("deflated without end", Bytes(500'000, std::byte{0}), "A900H", kDeflatedFindContext);
}

}  // namespace
}  // namespace latent::test
