/* SPDX-License-Identifier: Apache-2.0 */
/* timestamp - the proleptic Gregorian calendar, years 1 to 9999, as Python has it. */
#include "timestamp.h"
#include "utf8.h"

#define US_PER_S INT64_C(1000000)
#define US_PER_DAY (86400 * US_PER_S)
#define FIRST_US (-719162 * US_PER_DAY)    /* 0001-01-01 */
#define LAST_US (2932897 * US_PER_DAY - 1) /* the last of 9999-12-31 */

/* Days since 1970-01-01 of a date, counting years from March so that the leap day is
 * a year's last. */
static int64_t days_from_date(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void date_from_days(int64_t days, int64_t *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) /
        365;
    int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t from_march = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * from_march + 2) / 5 + 1);
    *month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

static char *put_digits(char *p, int64_t v, int n)
{
    for (int i = n - 1; i >= 0; i--, v /= 10)
        p[i] = (char)('0' + v % 10);
    return p + n;
}

/* n digits and what stands behind them. */
static char *put_field(char *p, int64_t v, int n, char behind)
{
    p = put_digits(p, v, n);
    *p++ = behind;
    return p;
}

void timestamp_format(char out[TIMESTAMP_TEXT], int64_t us)
{
    int64_t year;
    int month, day;

    us = us < FIRST_US ? FIRST_US : us > LAST_US ? LAST_US : us;
    int64_t days = us / US_PER_DAY, rest = us % US_PER_DAY;
    if (rest < 0) {
        days--;
        rest += US_PER_DAY;
    }
    date_from_days(days, &year, &month, &day);
    int64_t s = rest / US_PER_S, fraction = rest % US_PER_S;
    char *p = put_field(out, year, 4, '-');
    p = put_field(p, month, 2, '-');
    p = put_field(p, day, 2, 'T');
    p = put_field(p, s / 3600, 2, ':');
    p = put_field(p, s / 60 % 60, 2, ':');
    p = put_digits(p, s % 60, 2);
    if (fraction) {
        *p++ = '.';
        p = put_digits(p, fraction, 6);
    }
    memcpy(p, "+00:00", sizeof("+00:00"));
}

/* Exactly n digits; -1 if there are not as many. */
static int take_digits(struct str *text, size_t n)
{
    int v = 0;

    if (text->n < n)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (text->p[i] < '0' || text->p[i] > '9')
            return -1;
        v = v * 10 + (text->p[i] - '0');
    }
    text->p += n;
    text->n -= n;
    return v;
}

static bool take(struct str *text, char c)
{
    if (!text->n || text->p[0] != c)
        return false;
    text->p++;
    text->n--;
    return true;
}

/* One character, of however many bytes. */
static void take_any(struct str *text)
{
    const char *p = text->p, *end = text->p + text->n;

    utf8_next(&p, end);
    *text = (struct str){p, (size_t)(end - p)};
}

static bool parse_date(struct str *text, int64_t *days)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = take_digits(text, 4);
    bool dashes = take(text, '-');
    int month = take_digits(text, 2);

    if (year < 1 || month < 1 || month > 12 || take(text, '-') != dashes)
        return false;
    int day = take_digits(text, 2);
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day < 1 || day > lengths[month - 1] + (month == 2 && leap))
        return false;
    *days = days_from_date(year, month, day);
    return true;
}

/* Digits beyond microseconds are cut, as Python cuts them. */
static bool parse_fraction(struct str *text, int64_t *us)
{
    int digits = 0;

    for (; text->n && text->p[0] >= '0' && text->p[0] <= '9'; digits++) {
        int digit = take_digits(text, 1);
        if (digits < 6)
            *us = *us * 10 + digit;
    }
    for (int i = digits; i < 6; i++)
        *us *= 10;
    return digits > 0;
}

/* HH[:MM[:SS[.fraction]]], with all colons or none. */
static bool parse_clock(struct str *text, int64_t *us)
{
    int h = take_digits(text, 2), m = 0, s = 0;
    int64_t fraction = 0;
    bool colons = take(text, ':');

    if (h < 0 || h > 23)
        return false;
    if (colons || (text->n && text->p[0] >= '0' && text->p[0] <= '9')) {
        m = take_digits(text, 2);
        if (take(text, ':') ||
            (!colons && text->n && text->p[0] >= '0' && text->p[0] <= '9')) {
            s = take_digits(text, 2);
            if ((take(text, '.') || take(text, ',')) &&
                !parse_fraction(text, &fraction))
                return false;
        }
    }
    if (m < 0 || m > 59 || s < 0 || s > 59)
        return false;
    *us = (h * 3600 + m * 60 + s) * US_PER_S + fraction;
    return true;
}

/* Nothing (UTC), Z, or a signed clock of less than a day. */
static bool parse_offset(struct str *text, int64_t *us)
{
    *us = 0;
    if (!text->n || take(text, 'Z'))
        return true;
    bool west = take(text, '-');
    if ((!west && !take(text, '+')) || !parse_clock(text, us))
        return false;
    if (west)
        *us = -*us;
    return true;
}

bool timestamp_parse(struct str text, int64_t *us)
{
    int64_t days, clock = 0, offset = 0;

    if (!parse_date(&text, &days))
        return false;
    if (text.n) {
        take_any(&text); /* Python takes any character for the T */
        if (!parse_clock(&text, &clock) || !parse_offset(&text, &offset) || text.n)
            return false;
    }
    *us = days * US_PER_DAY + clock - offset;
    return true;
}
