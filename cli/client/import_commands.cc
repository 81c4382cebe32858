#include "cli/client/import_commands.h"

#include <cstdlib>
#include <utility>

#include "cli/client/credential.h"
#include "cli/client/patience.h"

namespace notifyd {
namespace {

constexpr const char* kMysqlVariable = "NOTIFYD_MYSQL";
constexpr const char* kPasswordVariable = "NOTIFYD_MYSQL_PASSWORD";

Status Wrong(std::string what) {
  return Status(Code::kUnacceptable, std::move(what));
}

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

void ImportCommands::Add(CLI::App* app) {
  CLI::App* group = app->add_subcommand("import", "Move in: what waits elsewhere becomes notifies.");
  CLI::App* command =
      AddCommand(group, "notifyagent", "What waits in NotifyAgent's table and in its beanstalkd.", [this](const Context& context, const CLI::App*) {
        if (Status status = ReadFlags(); !status.ok()) return Misused(context, status.detail());
        return ImportNotifyAgent(context, options_);
      });
  command->add_option("--mysql", mysql_, "Its table: mysql://USER@HOST:PORT/DATABASE, with ?table=, time-zone=, socket=, ssl-mode=, ssl-ca=.")
      ->type_name("URL")
      ->envname(kMysqlVariable)
      ->check(NotEmpty());
  CLI::Option* file =
      command->add_option("--mysql-file", mysql_file_, "A file that holds this URL, with its password, and that only its owner may read.");
  hints()[file->type_name("FILE")->check(NotEmpty())].file = true;
  command->add_option("--beanstalkd", beanstalkd_, "Its beanstalkd: to see whether a daemon still consumes, and to take the jobs.")
      ->type_name("HOST:PORT")
      ->check(NotEmpty());
  command->add_option("--tube", options_.tubes, "A tube beside those that are NotifyAgent's by name or by their jobs; may be repeated.")
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->check(NotEmpty());
  command->add_option("--time-zone", time_zone_, "The zone of the table's times: PHP's date.timezone, as Asia/Shanghai.")
      ->type_name("ZONE")
      ->check(NotEmpty());
  command->add_option("--caller", options_.caller, "Who submits, in place of each call's own caller.")->type_name("NAME")->check(NotEmpty());
  command->add_flag("--held", options_.held, "Also rows without a time: held under their fKey.");
  command->add_flag("--keep", options_.keep, "Take nothing away: for a rehearsal, into another namespace.");
  command->add_flag("--dry-run", options_.dry_run, "Submit nothing, and take nothing away; with --json the notifies that would be submitted.");
  command->add_flag("--follow", options_.follow, "Each second what is due, as the old daemon did, until it is stopped.");
  command->add_flag("--daemon-stopped", options_.daemon_stopped, "The old daemon is stopped: without --beanstalkd nobody can look.");
  command->add_option("--reconnect-ms", options_.reconnect_ms, "How long to look for what goes away meanwhile; with --follow for ever.")
      ->check(Quiet(CLI::Range(int64_t{0}, int64_t{24 * 3'600'000})))
      ->type_name("MS")
      ->default_str(std::to_string(kReconnectMs));
  options_.reconnect_ms = kReconnectMs;
  command->footer(
      "The table's password comes from --mysql-file, or from NOTIFYD_MYSQL or NOTIFYD_MYSQL_PASSWORD, never from the command line. It can be "
      "broken off at any time and run again: nothing is lost, and nothing submitted twice.");
}

Status ImportCommands::ReadMysql() {
  std::string url = mysql_;
  if (!mysql_file_.empty()) {
    if (!mysql_.empty() && mysql_ != Variable(kMysqlVariable)) return Wrong("--mysql and --mysql-file exclude each other");
    Result<std::string> text = ReadPrivateFile(mysql_file_);
    if (!text.ok()) return std::move(text).status();
    url = *std::move(text);
  }
  if (url.empty()) return Status::Ok();
  Result<MysqlAddress> address = ParseMysqlAddress(url);
  if (!address.ok()) return std::move(address).status();
  if (!address->password.empty() && mysql_file_.empty() && url != Variable(kMysqlVariable))
    return Wrong("--mysql: a password on a command line can be read by others: --mysql-file or NOTIFYD_MYSQL_PASSWORD holds it");
  if (address->password.empty()) address->password = Variable(kPasswordVariable);
  options_.mysql = *std::move(address);
  options_.time_zone = time_zone_.empty() ? options_.mysql->time_zone : time_zone_;
  return options_.time_zone.empty() ? Wrong("--time-zone is needed: the table's times are in the zone of PHP's date.timezone") : Status::Ok();
}

Status ImportCommands::ReadFlags() {
  NOTIFYD_TRY(ReadMysql());
  if (!beanstalkd_.empty()) {
    Result<BeanstalkAddress> address = ParseBeanstalkAddress(beanstalkd_);
    if (!address.ok()) return Wrong("--beanstalkd: " + address.status().detail());
    options_.beanstalkd = *std::move(address);
  }
  const ImportOptions& o = options_;
  if (!o.mysql && !o.beanstalkd) return Wrong("say what to import: --mysql, --beanstalkd, or both");
  if (o.follow && o.only_looks()) return Wrong("--follow goes without --keep and --dry-run");
  if (o.follow && !o.mysql) return Wrong("--follow needs --mysql: it is the table that has to be looked at");
  if (o.held && !o.mysql) return Wrong("--held goes with --mysql");
  if (!o.tubes.empty() && !o.beanstalkd) return Wrong("--tube goes with --beanstalkd");
  if (!o.beanstalkd && !o.follow && !o.only_looks() && !o.daemon_stopped)
    return Wrong(
        "a daemon that still runs would send the same rows: --beanstalkd HOST:PORT says where it can be seen whether one consumes the tube "
        "notify, --daemon-stopped that none runs");
  return Status::Ok();
}

}  // namespace notifyd
