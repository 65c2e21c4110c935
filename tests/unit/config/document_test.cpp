#include "config/node.hpp"
#include "tests/unit/config/support.hpp"

namespace homeostat::config {
namespace {

struct Parse {
  std::optional<Node> root;
  std::string errors;
};

Parse parse(std::string text) {
  Report report;
  auto root = parse_document(
      std::make_shared<const Source>(Source{"d.yaml", std::move(text), true}), report);
  return {std::move(root), format(report.take())};
}

std::string where(const Place& place) {
  return std::to_string(place.line) + ":" + std::to_string(place.column);
}

TEST(Document, KnowsThePlaceOfKeysAndValues) {
  const auto parsed = parse("a: 1\nb:\n  c: [x, yy]\n");
  ASSERT_TRUE(parsed.root) << parsed.errors;
  const auto* list = parsed.root->find("b")->find("c");
  EXPECT_EQ(where(parsed.root->find("b")->key_place), "2:1");
  EXPECT_EQ(where(list->key_place), "3:3");
  EXPECT_EQ(where(list->place), "3:6");
  EXPECT_EQ(where(list->children[1].place), "3:10");
}

TEST(Document, KeepsScalarsAsText) {
  const auto parsed = parse("a: on\nb: 010\nc: \"x\"\nd: ~\n");
  ASSERT_TRUE(parsed.root);
  EXPECT_EQ(parsed.root->find("a")->text, "on");
  EXPECT_EQ(parsed.root->find("b")->text, "010");
  EXPECT_FALSE(parsed.root->find("c")->plain);
  EXPECT_TRUE(parsed.root->find("d")->is_null());
}

TEST(Document, EmptyTextIsAnEmptyMap) {
  for (const char* text : {"", "\n", "# nothing\n", "---\n"}) {
    const auto parsed = parse(text);
    ASSERT_TRUE(parsed.root) << text;
    EXPECT_TRUE(parsed.root->is_map()) << text;
  }
}

TEST(Document, ReadsWhatOtherSystemsWrite) {
  Report report;
  const auto root = parse_document(make_source("d.yaml",
                                               "\xef\xbb\xbf"
                                               "a: 1\r\nb: [x, y]\r\n"),
                                   report);
  ASSERT_TRUE(root) << format(report.take());
  EXPECT_EQ(root->find("a")->text, "1");
  EXPECT_EQ(where(root->find("b")->children[1].place), "2:8");
}

TEST(Document, ReportsDuplicateKeysWithBothPlaces) {
  EXPECT_EQ(parse("a: 1\nb: 2\na: 3\n").errors,
            "d.yaml:3:1: key `a` is given twice; first at line 1\n");
}

TEST(Document, ReportsSyntaxErrorsWithTheirPlace) {
  EXPECT_EQ(parse("a: [1, 2\nb: 3\n").errors.substr(0, 28), "d.yaml:2:2: not valid YAML: ");
  for (const char* text : {"a: \"x\n", "a: 'it''s\n", "a: '"}) {
    EXPECT_EQ(parse(text).errors, "d.yaml:1:4: not valid YAML: the quote is never closed\n")
        << text;
  }
}

TEST(Document, RefusesWhatItWouldNotUnderstand) {
  EXPECT_EQ(parse("a: 1\n---\nb: 2\n").errors,
            "d.yaml:3:1: a second YAML document; write everything in one\n");
  EXPECT_EQ(parse("a: !!int 1\n").errors, "d.yaml:1:4: YAML tags are not used here\n");
  EXPECT_EQ(parse("? [a]\n: 1\n").errors, "d.yaml:1:3: a key must be a plain name\n");
  EXPECT_EQ(parse("ok: 1\nab\x01: 1\n").errors,
            "d.yaml:2:3: control character 0x01; the text must be UTF-8\n");
}

TEST(Document, BoundsItsSize) {
  const auto parsed = parse(std::string(file_bytes_max + 1, '#'));
  EXPECT_FALSE(parsed.root);
  EXPECT_NE(parsed.errors.find("larger than 1048576 bytes"), std::string::npos);
}

TEST(Document, BoundsItsNesting) {
  EXPECT_TRUE(parse(std::string(file_depth_max, '[') + std::string(file_depth_max, ']')).root);
  const auto deep = parse("a:\n" + std::string(40, '[') + "x" + std::string(40, ']'));
  EXPECT_EQ(deep.errors, "d.yaml:2:32: nested deeper than 32 levels\n");
  EXPECT_FALSE(parse(std::string(100'000, '[')).root);
  EXPECT_FALSE(parse(std::string(100'000, '{')).root);
}

TEST(Document, ExpandsAliases) {
  const auto parsed = parse("a: &x [1, 2]\nb: *x\n");
  ASSERT_TRUE(parsed.root) << parsed.errors;
  EXPECT_EQ(parsed.root->find("b")->children.size(), 2U);
}

TEST(Document, RefusesAnAliasBomb) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const auto before = std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) text += (j ? ", *a" : "*a") + before;
    text += "]\n";
  }
  const auto parsed = parse(text);
  EXPECT_FALSE(parsed.root);
  EXPECT_NE(parsed.errors.find("too large once aliases are expanded"), std::string::npos);
}

TEST(Document, RefusesABombOfLongTexts) {
  std::string text = "a: &a " + std::string(100'000, 'x') + "\nb: [";
  for (int i = 0; i < 100; ++i) text += "*a, ";
  EXPECT_FALSE(parse(text + "]\n").root);
}

TEST(Document, RefusesAnAliasInsideItsOwnAnchor) {
  EXPECT_EQ(parse("a: &a [*a]\n").errors, "d.yaml:1:8: an alias inside its own anchor\n");
}

TEST(Document, RefusesAliasesThatBuildDepth) {
  std::string text = "a0: &a0 [x]\n";
  for (int i = 1; i < 60; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) +
            "]\n";
  }
  EXPECT_NE(parse(text).errors.find("nested deeper"), std::string::npos);
}

// -- place_inside ---------------------------------------------------------------

std::string inside(const std::string& text, const std::string& piece) {
  const auto parsed = parse(text);
  if (!parsed.root) return parsed.errors;
  const auto& scalar = parsed.root->children.front();
  return where(place_inside(scalar, scalar.text.find(piece)));
}

TEST(PlaceInside, FollowsEveryWayToWriteAScalar) {
  EXPECT_EQ(inside("a: one two\n", "two"), "1:8");
  EXPECT_EQ(inside("a: 'one two'\n", "two"), "1:9");
  EXPECT_EQ(inside("a: 'it''s two'\n", "two"), "1:11");
  EXPECT_EQ(inside("a: \"one \\\" two\"\n", "two"), "1:12");
  EXPECT_EQ(inside("a: one\n   two\n", "two"), "2:4");
  EXPECT_EQ(inside("a: |\n  one\n  two\n", "two"), "3:3");
  EXPECT_EQ(inside("a: >-\n  one\n  two three\n", "three"), "3:7");
}

TEST(PlaceInside, FallsBackToTheStartWhereTheTextWasEscaped) {
  EXPECT_EQ(inside("a: \"\\x41 two\"\n", "two"), "1:4");
}

}  // namespace
}  // namespace homeostat::config
