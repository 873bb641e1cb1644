package date

import (
	"math"
	"time"
)

const daySeconds = 86400

// resolve turns a moment into an instant: what the line leaves out comes from
// now, zone is what holds for a date without one (COMPAT 2.5).
func (m moment) resolve(now func() time.Time, zone *Zone, local *localTime) (Stamp, error) {
	c := civil{now: now, local: local}
	switch m.kind {
	case wholeSeconds:
		return Stamp{Unix: math.Float64frombits(m.bits), Int: true}, nil
	case floatSeconds:
		return Stamp{Unix: math.Float64frombits(m.bits)}, nil
	case packedFields:
		c.unpack(m.bits)
	default:
		if m.rest.err != nil {
			return Stamp{}, m.rest.err
		}
		c.fields = *m.rest
	}
	naive, err := c.date()
	if err != nil {
		return Stamp{}, err
	}
	if !c.zoned && zone != nil {
		c.zoned, c.zone = true, int16(zone.minutes)
	}
	if c.zoned {
		naive -= int64(c.zone) * 60
		if naive < firstSecond || naive > lastSecond {
			return Stamp{}, &LineError{"OverflowError", "date value out of range"}
		}
	}
	if naive, err = c.notInFuture(naive); err != nil {
		return Stamp{}, err
	}
	if c.zoned {
		return Stamp{Unix: float64(naive), Int: true}, nil
	}
	return Stamp{Unix: float64(local.unix(naive))}, nil
}

// The seconds of year 1 to 9999, which is all that Python's dates know.
var (
	firstSecond = naiveSeconds(1, 1, 1)
	lastSecond  = naiveSeconds(10000, 1, 1) - 1
)

// civil is a date on its way from fields to seconds. Its seconds are naive:
// counted as if the place had always kept UTC.
type civil struct {
	fields
	now   func() time.Time
	local *localTime

	today    int64 // naive seconds of now, once asked
	asked    bool
	noYear   bool
	timeOnly bool
}

// nowNaive returns the server's clock in local time.
func (c *civil) nowNaive() int64 {
	if !c.asked {
		unix := c.now().Unix()
		c.today, c.asked = unix+c.local.offset(unix), true
	}
	return c.today
}

// date fills in what is missing and returns the naive seconds.
func (c *civil) date() (int64, error) {
	if c.year == none {
		c.year, c.noYear = int32(c.local.year(c.nowNaive())), true
	}
	if c.month == none || c.day == none {
		if err := c.fromDayOfYear(); err != nil {
			return 0, err
		}
	}
	if c.month == none && c.day == none {
		_, month, day := civilDate(c.nowNaive())
		c.month, c.day, c.timeOnly = int16(month), int16(day), true
	}
	if c.month == none || c.day == none {
		return 0, &LineError{"TypeError", "'NoneType' object cannot be interpreted as an integer"}
	}
	if err := checkDate(c.year, c.month, c.day); err != nil {
		return 0, err
	}
	if c.hour < 0 || c.hour > 23 {
		return 0, invalid("hour must be in 0..23")
	}
	if c.minute < 0 || c.minute > 59 {
		return 0, invalid("minute must be in 0..59")
	}
	if c.second < 0 || c.second > 59 {
		return 0, invalid("second must be in 0..59")
	}
	return naiveSeconds(int(c.year), int(c.month), int(c.day)) +
		int64(c.hour)*3600 + int64(c.minute)*60 + int64(c.second), nil
}

// fromDayOfYear finds month and day of a date given by its day of the year, or
// by its week and weekday.
func (c *civil) fromDayOfYear() error {
	if c.julian == none && c.week != none && c.weekday != none {
		if c.year < 1 || c.year > 9999 {
			return invalid("year %d is out of range", c.year)
		}
		c.julian = dayOfYear(c.year, int32(c.week), int32(c.weekday), c.weekMonday)
	}
	if c.julian == none {
		return nil
	}
	if c.year < 1 || c.year > 9999 {
		return invalid("year %d is out of range", c.year)
	}
	naive := naiveSeconds(int(c.year), 1, 1) + (int64(c.julian)-1)*daySeconds
	if naive < firstSecond || naive > lastSecond {
		return invalid("day %d of year %d is out of range", c.julian, c.year)
	}
	year, month, day := civilDate(naive)
	c.year, c.month, c.day = int32(year), int16(month), int16(day)
	return nil
}

// dayOfYear returns the day of the year (from 1; less in week 0) of a weekday
// (0 is Monday) in a week. Days before the first Monday (Sunday) are in week 0.
func dayOfYear(year, week, weekday int32, weekMonday bool) int32 {
	first := int32(floorMod(naiveSeconds(int(year), 1, 1)/daySeconds+3, 7))
	if !weekMonday {
		first, weekday = (first+1)%7, (weekday+1)%7
	}
	if week == 0 {
		return 1 + weekday - first
	}
	return 1 + (7-first)%7 + 7*(week-1) + weekday
}

// notInFuture moves a date without day to yesterday if it is yet to come, one
// without year to last year if it is more than a day ahead.
func (c *civil) notInFuture(naive int64) (int64, error) {
	if c.timeOnly && naive > c.nowNaive() {
		naive -= daySeconds
	}
	if c.noYear && naive > c.nowNaive()+daySeconds {
		if err := checkDate(c.year-1, c.month, c.day); err != nil {
			return 0, err
		}
		naive = naiveSeconds(int(c.year-1), int(c.month), int(c.day)) + floorMod(naive, daySeconds)
	}
	return naive, nil
}

func checkDate(year int32, month, day int16) error {
	if year < 1 || year > 9999 {
		return invalid("year %d is out of range", year)
	}
	if month < 1 || month > 12 {
		return invalid("month must be in 1..12")
	}
	if day < 1 || int(day) > monthDays(int(year), int(month)) {
		return invalid("day is out of range for month")
	}
	return nil
}

func monthDays(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// naiveSeconds counts the seconds from 1970-01-01 to a day of the Gregorian
// calendar, by counting years from March so that leap days come last.
func naiveSeconds(year, month, day int) int64 {
	y := int64(year)
	if month <= 2 {
		y--
	}
	era := floorDiv(y, 400)
	yearOfEra := y - era*400
	dayOfYear := int64((153*((month+9)%12)+2)/5 + day - 1)
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return (era*146097 + dayOfEra - 719468) * daySeconds
}

// civilDate is the inverse of naiveSeconds, for any second of the day.
func civilDate(naive int64) (year, month, day int) {
	days := floorDiv(naive, daySeconds) + 719468
	era := floorDiv(days, 146097)
	dayOfEra := days - era*146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	fromMarch := (5*dayOfYear + 2) / 153
	day = int(dayOfYear-(153*fromMarch+2)/5) + 1
	month = int((fromMarch+2)%12) + 1
	year = int(yearOfEra + era*400)
	if month <= 2 {
		year++
	}
	return year, month, day
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }
