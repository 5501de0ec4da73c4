// `latent export --to DIR`: whole objects as DICOM files, DIR/<study>/<series>/<instance>.dcm.
// File names are made of UIDs that were checked to be digits and dots.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "server/cli/progress.h"
#include "server/cli/verb.h"
#include "server/control/client.h"

namespace latent::server::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  CommonOptions common;
  std::string to;
  std::string patient_id;
  std::vector<std::string> studies, series, instances;
  bool verbatim = false;
};

/// One file on its way: written beside its name and renamed when whole, so that what has the name
/// is whole.
class OutputFile {
 public:
  static Result<OutputFile> create(const fs::path& folder, const nlohmann::json& described) {
    const auto study = StudyUid::parse(described.value("study", ""));
    const auto series = SeriesUid::parse(described.value("series", ""));
    const auto instance = InstanceUid::parse(described.value("instance", ""));
    if (!study || !series || !instance)
      return fail(ErrorCode::internal, "the archive named an object without UIDs", "export");
    OutputFile file;
    const fs::path place = folder / study->str() / series->str();
    std::error_code failure;
    fs::create_directories(place, failure);
    file.name_ = place / (instance->str() + ".dcm");
    file.part_ = place / (instance->str() + ".part");
    file.descriptor_ = FileDescriptor(
        ::open(file.part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.descriptor_)
      return fail(ErrorCode::refused,
                  "cannot write " + file.part_.string() + ": " +
                      std::error_code(errno, std::generic_category()).message(),
                  "export");
    return file;
  }
  Result<void> write(ByteSpan bytes) {
    while (!bytes.empty()) {
      const ssize_t put = ::write(descriptor_.get(), bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0)
        return fail(ErrorCode::exhausted,
                    "cannot write " + part_.string() + ": " +
                        std::error_code(errno, std::generic_category()).message(),
                    "export");
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
  }
  Result<void> complete() {
    descriptor_.reset();
    std::error_code failure;
    fs::rename(part_, name_, failure);
    if (failure)
      return fail(ErrorCode::refused, "cannot name " + name_.string() + ": " + failure.message(),
                  "export");
    return {};
  }
  void discard() {
    descriptor_.reset();
    std::error_code ignored;
    fs::remove(part_, ignored);
  }
  const fs::path& name() const { return name_; }

 private:
  OutputFile() = default;
  FileDescriptor descriptor_;
  fs::path name_, part_;
};

class Export {
 public:
  Export(const Options& options, control::Client& client)
      : options_(options),
        client_(client),
        progress_(options.common.json ? Progress::Show::never : Progress::Show::on_terminal) {}

  Result<int> run() {
    LATENT_TRY_VOID(client_.channel().send_json({{"verb", "export"},
                                                 {"patient_id", options_.patient_id},
                                                 {"studies", options_.studies},
                                                 {"series", options_.series},
                                                 {"instances", options_.instances},
                                                 {"verbatim", options_.verbatim}}));
    while (true) {
      LATENT_TRY(const auto object, client_.next());
      if (object.contains("done")) return summarise(object["done"]);
      if (object.contains("plan")) planned_ = object["plan"].value("instances", std::uint64_t{0});
      if (object.contains("failed")) tell_failure(object["failed"]);
      if (object.contains("file")) LATENT_TRY_VOID(receive_file(object["file"]));
    }
  }

 private:
  Result<void> receive_file(const nlohmann::json& described) {
    LATENT_TRY(auto file, OutputFile::create(options_.to, described));
    while (true) {
      LATENT_TRY(const auto frame, client_.channel().receive());
      if (frame.type == control::Frame::Type::data) {
        LATENT_TRY_VOID(file.write(frame.bytes));
      } else if (frame.type == control::Frame::Type::end) {
        LATENT_TRY_VOID(file.complete());
        break;
      } else {  // the object turned out to be damaged half way
        file.discard();
        const auto object = nlohmann::json::parse(as_text(frame.bytes), nullptr, false);
        if (object.contains("failed")) tell_failure(object["failed"]);
        return {};
      }
    }
    ++written_;
    if (options_.common.json)
      fmt::print("{}\n", nlohmann::json({{"file", file.name().string()},
                                         {"instance", described.value("instance", "")}})
                             .dump());
    progress_.show(fmt::format("{} of {} objects", written_, planned_));
    return {};
  }

  void tell_failure(const nlohmann::json& failed) {
    progress_.clear();
    fmt::print(stderr, "{}: not exported: {}\n", failed.value("instance", ""),
               failed.value("text", ""));
  }

  int summarise(const nlohmann::json& done) {
    progress_.clear();
    const auto failed = done.value("failed", std::uint64_t{0});
    if (options_.common.json) {
      fmt::print("{}\n", done.dump());
    } else if (planned_ == 0) {
      fmt::print(stderr, "latent export: nothing matches; look with `latent find`\n");
    } else {
      fmt::print("{} objects, {}, to {} in {}{}\n", written_,
                 readable_bytes(done.value("bytes", 0.0)), options_.to,
                 readable_time(progress_.elapsed().count()),
                 failed > 0 ? fmt::format(", {} failed", failed) : "");
    }
    if (written_ == 0) return kNothingDone;
    return failed == 0 ? kDone : kInPart;
  }

  const Options& options_;
  control::Client& client_;
  Progress progress_;
  std::uint64_t planned_ = 0;
  std::uint64_t written_ = 0;
};

}  // namespace

Command add_export(CLI::App& root) {
  CLI::App* app = root.add_subcommand("export", "Write objects as DICOM files");
  auto options = std::make_shared<Options>();
  add_common_options(*app, options->common);
  app->add_option("--to", options->to, "Folder to write to")->required();
  app->add_option("--patient-id", options->patient_id, "Of this patient");
  app->add_option("--study", options->studies, "Study Instance UID; may be repeated");
  app->add_option("--series", options->series, "Series Instance UID; may be repeated");
  app->add_option("--instance", options->instances, "SOP Instance UID; may be repeated");
  app->add_flag("--verbatim", options->verbatim,
                "Keep the 128 bytes before \"DICM\" as they came (they may hold anything)");
  return {app, [options] {
            const auto config = config_of(options->common);
            if (!config) return report_error("export", config.error(), options->common);
            auto client = control::Client::connect(*config);
            if (!client) return report_error("export", client.error(), options->common);
            const auto result = Export(*options, *client).run();
            return result ? *result : report_error("export", result.error(), options->common);
          }};
}

}  // namespace latent::server::cli
