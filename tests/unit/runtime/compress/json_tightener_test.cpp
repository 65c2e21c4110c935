#include "runtime/compress/json_tightener.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <random>

#include "tests/unit/runtime/compress/texts.hpp"

namespace homeostat::compress {
namespace {

namespace json = boost::json;

constexpr config::JsonSettings both{true, true};

std::string tight(std::string_view text, config::JsonSettings settings = both) {
  std::string out = "old";
  return tighten_json(text, settings, out) ? out : "<refused>" + out;
}

TEST(TightenJson, TakesOutWhitespaceAndNullMembers) {
  EXPECT_EQ(tight(" { \"a\" : 1 ,\r\n\t\"b\" : null , \"c\" : [ 1 , null , { } ] } "),
            "{\"a\":1,\"c\":[1,null,{}]}");
  EXPECT_EQ(tight("{\"a\":null}"), "{}");
  EXPECT_EQ(tight("{\"a\":null,\"b\":null,\"c\":1}"), "{\"c\":1}");
  EXPECT_EQ(tight("{\"a\":1,\"b\":null}"), "{\"a\":1}");
  EXPECT_EQ(tight("{\"a\":{\"b\":null},\"c\":null}"), "{\"a\":{}}");
  EXPECT_EQ(tight("[ ]"), "[]");
  EXPECT_EQ(tight("[[{\"a\":null}],null]"), "[[{}],null]");
}

TEST(TightenJson, DoesOnlyWhatIsAskedFor) {
  const std::string text = "{ \"a\" : null , \"b\" : [ 1, 2 ] }";
  EXPECT_EQ(tight(text, {true, false}), "{\"a\":null,\"b\":[1,2]}");
  EXPECT_EQ(tight(text, {false, false}), text);
  const std::string without = tight(text, {false, true});
  EXPECT_EQ(json::parse(without), json::parse("{\"b\":[1,2]}")) << without;
  EXPECT_EQ(tight("{\"a\": 1, \"b\": null, \"c\": 2}", {false, true}), "{\"a\": 1, \"c\": 2}");
}

TEST(TightenJson, KeepsEveryByteThatHasAMeaning) {
  for (const char* text :
       {"1.0", "-0", "1e400", "123456789012345678901234567890", "0.10", "1E+5", "\"a b\"",
        "\"\\u0041 \\\" \\\\ \\n\"", "\"\\ud83d\\ude00\"", "true", "false", "null",
        "{\"a\":1,\"a\":2,\"\":3}", "{\"b\":1,\"a\":2}", "\"\xc3\xa4\xe2\x82\xac\"", "[[[[]]]]"}) {
    EXPECT_EQ(tight(text), text);
  }
  EXPECT_EQ(tight(" 7 "), "7");
  EXPECT_EQ(tight("{\"null\": \"null\", \" x \": \" y \"}"), "{\"null\":\"null\",\" x \":\" y \"}");
}

TEST(TightenJson, RefusesWhatIsNotExactlyOneJsonValue) {
  for (const std::string_view text : {"",
                                      " ",
                                      "{",
                                      "[",
                                      "\"",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{a:1}",
                                      "{\"a\":1,}",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "{\"a\":1 \"b\":2}",
                                      "01",
                                      "1.",
                                      ".5",
                                      "+1",
                                      "1e",
                                      "-",
                                      "--1",
                                      "nul",
                                      "nullx",
                                      "True",
                                      "'a'",
                                      "\"\\x\"",
                                      "\"\\u12g4\"",
                                      "\"a\nb\"",
                                      "1 2",
                                      "{}{}",
                                      "[]]",
                                      "{]",
                                      "[}",
                                      "{\"a\":1}\n{\"a\":2}",
                                      "// c\n1",
                                      "\xef\xbb\xbf{}",
                                      "{\"a\":nul}",
                                      "[1],",
                                      "NaN"}) {
    EXPECT_EQ(tight(text), "<refused>") << text;
  }
  EXPECT_EQ(tight(std::string_view("\x00{\x00}", 4)), "<refused>") << "UTF-16";
}

TEST(TightenJson, BoundsNesting) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(tight(nested(json_depth_max)), nested(json_depth_max));
  EXPECT_EQ(tight(nested(json_depth_max + 1)), "<refused>");
}

/// A random value as text with random whitespace.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::string value(int depth) {
    switch (random_() % (depth > 0 ? 9 : 6)) {
      case 0: return "null";
      case 1: return pick({"true", "false"});
      case 2: return std::to_string(static_cast<std::int64_t>(random_()) / 1000);
      case 3: return pick({"0.5", "-1e3", "1.25E-2", "7", "-0.0"});
      case 4: return text();
      case 5: return pick({"\"\"", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u00e4\""});
      case 6: return list('[', ']', depth, false);
      default: return list('{', '}', depth, true);
    }
  }
  std::string space() {
    std::string out;
    for (std::uint64_t i = random_() % 3; i > 0; --i) out += " \n\t\r"[random_() % 4];
    return out;
  }

 private:
  std::string pick(std::initializer_list<const char*> words) {
    return *(words.begin() + random_() % words.size());
  }
  std::string text() {
    std::string out = "\"";
    for (std::uint64_t i = random_() % 12; i > 0; --i) {
      out += static_cast<char>('a' + random_() % 26);
      if (random_() % 4 == 0) out += "\xc3\xbc ";
    }
    return out + "\"";
  }
  std::string list(char open, char close, int depth, bool object) {
    std::string out(1, open);
    const std::uint64_t count = random_() % 5;
    for (std::uint64_t i = 0; i < count; ++i) {
      if (i > 0) out += ",";
      out += space();
      // Unique keys: Boost.JSON's objects keep one of each.
      if (object) out += "\"k" + std::to_string(i) + "\"" + space() + ":" + space();
      out += value(depth - 1) + space();
    }
    return out + space() + close;
  }

  std::mt19937_64 random_;
};

json::value without_nulls(const json::value& value) {
  if (const auto* object = value.if_object()) {
    json::object kept;
    for (const auto& [key, member] : *object) {
      if (!member.is_null()) kept[key] = without_nulls(member);
    }
    return kept;
  }
  if (const auto* array = value.if_array()) {
    json::array kept;
    for (const json::value& element : *array) kept.push_back(without_nulls(element));
    return kept;
  }
  return value;
}

TEST(TightenJson, MeansTheSameWithoutNullsForAnyText) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Generator generator(seed);
    const std::string text = generator.space() + generator.value(5) + generator.space();
    const json::value original = json::parse(text);
    const std::string spaceless = tight(text, {true, false});
    EXPECT_EQ(json::parse(spaceless), original) << text;
    EXPECT_EQ(tight(spaceless, {true, false}), spaceless);
    for (const bool whitespace : {true, false}) {
      const std::string nulless = tight(text, {whitespace, true});
      EXPECT_EQ(json::parse(nulless), without_nulls(original)) << text << "\n" << nulless;
      EXPECT_LE(nulless.size(), text.size());
    }
    EXPECT_EQ(tight(text, {false, false}), text);
  }
}

TEST(TightenJson, AgreesWithAnotherParserAboutDamagedTexts) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 20000; ++i) {
    Generator generator(random());
    std::string text = generator.value(4);
    text[random() % text.size()] = "{}[],:\"\\ntu0-e. \n"[random() % 17];
    boost::system::error_code error;
    const json::value ignored = json::parse(text, error);
    const bool taken = tight(text) != "<refused>";
    // Boost also wants UTF-8, surrogates in pairs and numbers that a double holds.
    const bool debatable =
        text.find_first_of("ueE") != std::string::npos ||
        std::any_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; });
    if (!error || !debatable) {
      EXPECT_EQ(taken, !error) << text;
    }
  }
}

TEST(IsJsonType, KnowsTheFamily) {
  EXPECT_TRUE(is_json_type("application/json"));
  EXPECT_TRUE(is_json_type("Application/JSON; charset=utf-8"));
  EXPECT_TRUE(is_json_type("application/problem+json"));
  EXPECT_FALSE(is_json_type("application/x-ndjson"));
  EXPECT_FALSE(is_json_type("text/html"));
}

/// In pieces of up to `most` bytes.
std::string streamed(std::string_view text, std::size_t most, bool& whole,
                     config::JsonSettings settings = both) {
  JsonTightener tightener(settings);
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += most) {
    tightener.write(text.substr(at, most), out);
  }
  whole = tightener.finish(out);
  return out;
}

TEST(JsonStream, IsTheSameHoweverTheTextComes) {
  const std::string text =
      " { \"a b\" : [ 1.5e+3 , -0 , true , null ] , \"gone\" : null , \"c\" : { \"d\" : null } , "
      "\"e\\u00e4\\\"\" : \"\" } ";
  for (const config::JsonSettings settings :
       {config::JsonSettings{true, true}, config::JsonSettings{true, false},
        config::JsonSettings{false, true}, config::JsonSettings{false, false}}) {
    const std::string expected = tight(text, settings);
    for (std::size_t most = 1; most <= text.size(); ++most) {
      bool whole = false;
      EXPECT_EQ(streamed(text, most, whole, settings), expected);
      EXPECT_TRUE(whole);
    }
  }
}

TEST(JsonStream, PassesOnWhatIsKnownAtOnce) {
  JsonTightener tightener(both);
  std::string out;
  tightener.write("{ \"log\" : [ \"first\" , ", out);
  EXPECT_EQ(out, "{\"log\":[\"first\",");
  tightener.write("\"second", out);
  EXPECT_EQ(out, "{\"log\":[\"first\",\"second");
}

TEST(JsonStream, IsCopiedFromWhereItIsNoJson) {
  bool whole = true;
  const auto given = [&](std::string_view text) { return streamed(text, 3, whole); };
  EXPECT_EQ(given("{ \"a\" : 1 }\n{ \"b\" : 2 }\n"), "{\"a\":1}\n{ \"b\" : 2 }\n");
  EXPECT_FALSE(whole);
  EXPECT_EQ(given("[ 1 2 , 3 ]"), "[1 2 , 3 ]");
  EXPECT_EQ(given("{ // x\n \"a\" : null }"), "{ // x\n \"a\" : null }");
  EXPECT_EQ(given("{ \"a\" : nul }"), "{ \"a\" : nul }");
  EXPECT_EQ(given("[ 1, "), "[1, ");
  EXPECT_EQ(given("[ 1 ] x"), "[1] x");
  EXPECT_EQ(given("\xef\xbb\xbf[ 1 ]"), "\xef\xbb\xbf[ 1 ]");
  EXPECT_EQ(given(""), "");
  EXPECT_FALSE(whole);
}

TEST(JsonStream, HoldsBackOnlySoMuch) {
  bool whole = false;
  const std::string blanks(3 * JsonTightener::held_max, ' ');
  const std::string spaced = streamed("[1," + blanks + "2]", 1000, whole);
  EXPECT_TRUE(whole);
  EXPECT_GE(spaced.size(), 2 * JsonTightener::held_max) << "beyond that it stays";
  const std::string key(2 * JsonTightener::held_max, 'k');
  const std::string text = "{\"a\":null,\"" + key + "\":null,\"b\":null}";
  EXPECT_EQ(streamed(text, 1000, whole), "{\"" + key + "\":null}");
  EXPECT_TRUE(whole);
}

}  // namespace
}  // namespace homeostat::compress
