#include "dicom/text/date_time.h"

#include <gtest/gtest.h>

namespace latent::dicom::text {
namespace {

constexpr Microseconds kSecond = 1'000'000;
constexpr Microseconds kHour = 3600 * kSecond;
constexpr Microseconds kDay = 24 * kHour;

TEST(Date, IsReadInOldAndNewForm) {
  EXPECT_EQ(parse_date("19700101"), 0);
  EXPECT_EQ(parse_date("20040229"), 12477);
  EXPECT_EQ(parse_date("2004.02.29"), 12477);
  EXPECT_EQ(parse_date("2004-02-29"), 12477);
  EXPECT_EQ(parse_date(" 20040229 "), 12477);
  EXPECT_EQ(parse_date("00010101"), -719162);
  EXPECT_EQ(parse_date("18991231"), -25568);
}

TEST(Date, IsNothingWhenItIsNone) {
  for (const char* bad :
       {"", "20050229", "20041301", "20040001", "20040100", "2004", "200402", "00000101",
        "2004.02-29", "2004/02/29", "20040229x", "ABCDEFGH", "200402291", "+2004022"})
    EXPECT_FALSE(parse_date(bad)) << bad;
}

TEST(Time, IsReadWholeAndPartialWithAndWithoutColons) {
  EXPECT_EQ(parse_time("10"), 10 * kHour);
  EXPECT_EQ(parse_time("1011"), 10 * kHour + 660 * kSecond);
  EXPECT_EQ(parse_time("101112"), 10 * kHour + 672 * kSecond);
  EXPECT_EQ(parse_time("10:11:12"), 10 * kHour + 672 * kSecond);
  EXPECT_EQ(parse_time("10:11:12.5"), 10 * kHour + 672 * kSecond + 500'000);
  EXPECT_EQ(parse_time("000000.000001 "), 1);
  EXPECT_EQ(parse_time("235960"), kDay - 1);
  for (const char* bad : {"", "1", "24", "1060", "101161", "10:1112", "1011:12", "101112.",
                          "101112.x", "noon", "10.5", "-1"})
    EXPECT_FALSE(parse_time(bad)) << bad;
}

TEST(DateTime, IsReadWithPrecisionAndOffset) {
  EXPECT_EQ(parse_date_time("1970"), 0);
  EXPECT_EQ(parse_date_time("19700102030405.000006"), kDay + 3 * kHour + 245 * kSecond + 6);
  EXPECT_EQ(parse_date_time("19700101010000+0100"), 0);
  EXPECT_EQ(parse_date_time("197001010100", 60), 0);
  EXPECT_EQ(parse_date_time("19691231190000-0500"), 0);
  for (const char* bad :
       {"", "19", "197013", "19700101010000+1500", "19700101010000+01", "19700230"})
    EXPECT_FALSE(parse_date_time(bad)) << bad;
  EXPECT_EQ(parse_utc_offset("-0330"), -210);
  EXPECT_FALSE(parse_utc_offset("-1201"));
}

TEST(DateAndTime, AreWrittenAsTheyAreRead) {
  for (const Days days : {-719162, -1, 0, 12477, 2932896})
    EXPECT_EQ(parse_date(format_date(days)), days);
  EXPECT_EQ(format_time(10 * kHour + 672 * kSecond), "101112");
  EXPECT_EQ(format_time(10 * kHour + 672 * kSecond + 50'000), "101112.05");
}

TEST(DateRange, HasOpenAndClosedEnds) {
  EXPECT_EQ(parse_date_range("19700101-19700103"), (Range<Days>{0, 2}));
  EXPECT_EQ(parse_date_range("19700101-"), (Range<Days>{0, std::nullopt}));
  EXPECT_EQ(parse_date_range("-19700103"), (Range<Days>{std::nullopt, 2}));
  EXPECT_EQ(parse_date_range("19700103"), (Range<Days>{2, 2}));
  EXPECT_EQ(parse_date_range("1970.01.01-1970.01.03"), (Range<Days>{0, 2}));
  EXPECT_EQ(parse_date_range("1970-01-03"), (Range<Days>{2, 2}));
  for (const char* bad : {"", "-", "--", "x-19700101", "19700101-x", "1970010119700102"})
    EXPECT_FALSE(parse_date_range(bad)) << bad;
}

TEST(TimeRange, FillsPartialTimesToTheirWholeUnit) {
  EXPECT_EQ(parse_time_range("10-11"), (Range<Microseconds>{10 * kHour, 12 * kHour - 1}));
  EXPECT_EQ(parse_time_range("1030"),
            (Range<Microseconds>{10 * kHour + 1800 * kSecond, 10 * kHour + 1860 * kSecond - 1}));
  EXPECT_EQ(parse_time_range("-000000.5"), (Range<Microseconds>{std::nullopt, 599'999}));
}

TEST(DateTimeRange, TellsAHyphenOfAnOffsetFromThatOfARange) {
  EXPECT_EQ(parse_date_time_range("19700101-0500"),
            (Range<Microseconds>{5 * kHour, kDay + 5 * kHour - 1}));
  EXPECT_EQ(parse_date_time_range("19700101-19700101"), (Range<Microseconds>{0, kDay - 1}));
  EXPECT_EQ(parse_date_time_range("19700101-0500-"),
            (Range<Microseconds>{5 * kHour, std::nullopt}));
  EXPECT_EQ(parse_date_time_range("19700101-0500-19700102-0500"),
            (Range<Microseconds>{5 * kHour, 2 * kDay + 5 * kHour - 1}));
  EXPECT_EQ(parse_date_time_range("1970"), (Range<Microseconds>{0, 365 * kDay - 1}));
  EXPECT_EQ(parse_date_time_range("-197002"), (Range<Microseconds>{std::nullopt, 59 * kDay - 1}));
}

}  // namespace
}  // namespace latent::dicom::text
