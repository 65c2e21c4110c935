#include "config/effective.hpp"
#include "tests/unit/config/support.hpp"

namespace homeostat::config {
namespace {

constexpr const char* secret = "S3cr3t-Value-0123456789";

std::string tokens(const std::string& rows) { return "admin: {tokens: [" + rows + "]}\n"; }

TEST(Secret, ComesFromTheEnvironment) {
  const auto settings =
      must_load(tokens("{name: ops, role: operator, secret: ${TOKEN}}"), {{"TOKEN", secret}});
  ASSERT_EQ(settings.admin.tokens.size(), 1U);
  EXPECT_EQ(settings.admin.tokens[0].secret, secret);
  EXPECT_EQ(settings.admin.tokens[0].role, AdminToken::Role::operator_);
}

TEST(Secret, ComesFromAFileBesideTheConfiguration) {
  const Folder folder;
  folder.write("token", std::string(secret) + "\n");
  const auto path =
      folder.write("h.yaml", std::string(base) + tokens("{name: a, secret_file: token}"));
  const auto result = load_file(path, {});
  ASSERT_TRUE(result.ok()) << format(result.diagnostics);
  EXPECT_EQ(result.settings->admin.tokens[0].secret, secret);
  EXPECT_EQ(result.settings->admin.tokens[0].role, AdminToken::Role::viewer);
}

TEST(Secret, AMissingOrEmptyFileIsAnError) {
  const Folder folder;
  folder.write("empty", "\n");
  const auto errors = [&](const std::string& file) {
    return format(load_text(std::string(base) + tokens("{name: a, secret_file: " + file + "}"),
                            "t.yaml", {}, folder.path())
                      .diagnostics);
  };
  EXPECT_EQ(
      errors("none"),
      "t.yaml:3:41: `admin.tokens[0].secret_file`: the file cannot be opened: No such file or "
      "directory\n");
  EXPECT_EQ(errors("empty"), "t.yaml:3:41: `admin.tokens[0].secret_file`: the secret is empty\n");
  EXPECT_EQ(errors("."),
            "t.yaml:3:41: `admin.tokens[0].secret_file`: the file is not a regular file\n");
}

TEST(Secret, WrittenIntoTheFileItMustBeLong) {
  EXPECT_EQ(
      errors_below_base(tokens("{name: a, secret: 0123456789abcde}")),
      "t.yaml:3:36: `admin.tokens[0].secret`: a secret written into the file needs at least 16 "
      "characters; better take it from the environment: ${NAME}\n");
  must_load(tokens("{name: a, secret: 0123456789abcdef}"));
  EXPECT_NE(errors_below_base(tokens("{name: a, secret: ${T:-0123456789}}")), "")
      << "a default is written into the file, too";
}

TEST(Secret, FromTheEnvironmentItMustNotBeTrivial) {
  EXPECT_EQ(errors_below_base(tokens("{name: a, secret: ${TOKEN}}"), {{"TOKEN", "short"}}),
            "t.yaml:3:36: `admin.tokens[0].secret`: the secret needs at least 8 characters\n");
  EXPECT_EQ(errors_below_base(tokens("{name: a, secret: ${TOKEN}}"), {{"TOKEN", "with a blank"}}),
            "t.yaml:3:36: `admin.tokens[0].secret`: the secret must be visible ASCII characters "
            "without blanks\n");
}

TEST(Secret, ExactlyOneSourceIsNeeded) {
  for (const char* row : {"{name: a}", "{name: a, secret: 0123456789abcdef, secret_file: x}"}) {
    EXPECT_EQ(
        errors_below_base(tokens(row)),
        "t.yaml:3:18: `admin.tokens[0]` needs either `secret` or `secret_file`; write secret: "
        "${NAME}, or secret_file: /path\n");
  }
}

TEST(Secret, NamesOfTokensAreUnique) {
  EXPECT_EQ(errors_below_base(tokens("{name: a, secret: 0123456789abcdef}, "
                                     "{name: a, secret: 0123456789abcdeg}")),
            "t.yaml:3:17: `admin.tokens` has two entries named `a`\n");
}

TEST(Secret, NeverAppearsInADiagnostic) {
  const Environment environment{
      {"MY_TOKEN", secret},
      {"HOMEOSTAT_ALERTS__WEBHOOKS", std::string("[ftp://u:") + secret + "@h]"}};
  const std::string texts[] = {
      tokens("{name: ops, secret: ${MY_TOKEN}, role: boss}"),
      tokens("{name: ${MY_TOKEN}!, secret: ${MY_TOKEN}}"),
      tokens("{name: ops, secret: [${MY_TOKEN}]}"),
      tokens("{name: ops, secret: S3cr3t-Value-0123456789, role: S3cr3t-Value-0123456789}"),
      tokens("[S3cr3t-Value-0123456789]"),
      tokens("{name: ops, secret_file: S3cr3t-Value-0123456789}"),
      "log: {level: ${MY_TOKEN}}\n",
      "cache: {memory: ${MY_TOKEN}}\n",
      "alerts: {alertmanager: \"http://S3cr3t-Value-0123456789@host\"}\n",
      "optimization: {memory_hook: \"ftp://h/?t=S3cr3t-Value-0123456789\"}\n",
      "admin: {token: S3cr3t-Value-0123456789}\n",
      "admin: S3cr3t-Value-0123456789\n",
      "admin:\n  tokens:\n    - secret: S3cr3t-Value-0123456789\n   bad indent\n",
  };
  for (const auto& text : texts) {
    const auto errors = errors_below_base(text, environment);
    EXPECT_NE(errors, "") << text;
    EXPECT_EQ(errors.find(secret), std::string::npos) << errors;
  }
}

TEST(Secret, NeverAppearsInTheEffectiveConfiguration) {
  const auto settings =
      must_load(tokens("{name: ops, secret: ${TOKEN}}") +
                    "alerts: {webhooks: [\"http://hooks/S3cr3t-Value-0123456789\"]}\n"
                    "optimization: {memory_hook: \"http://a/gc?key=S3cr3t-Value-0123456789\"}\n",
                {{"TOKEN", secret}});
  const auto text = to_yaml(settings);
  EXPECT_EQ(text.find(secret), std::string::npos);
  EXPECT_NE(text.find("tokens: [{name: ops, role: viewer, secret: \"***\"}]"), std::string::npos)
      << text;
  EXPECT_NE(text.find("webhooks: [http://hooks/***]"), std::string::npos) << text;
}

}  // namespace
}  // namespace homeostat::config
