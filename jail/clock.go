package jail

import (
	"math"
	"time"

	"f2b-go/internal/pytext"
)

// endOfTimes is the time from which fail2ban prints the last second of the year
// 9999 instead.
const endOfTimes = 253402214400

// unix returns a time as fail2ban holds it: seconds since 1970 as a float.
func unix(t time.Time) float64 {
	return float64(t.Unix()) + float64(t.Nanosecond())/1e9
}

// timeText writes a time as the log does, in local time.
func timeText(sec float64, local *time.Location) string {
	if !(sec < endOfTimes) {
		return "9999-12-31 23:59:59"
	}
	micros := math.RoundToEven(sec * 1e6)
	return time.UnixMicro(int64(micros)).In(local).Format(time.DateTime)
}

// pyInt is Python's int(value) for what a command brings.
func pyInt(value any) (int, error) {
	switch v := value.(type) {
	case int:
		return v, nil
	case int64:
		return int(v), nil
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	case float64:
		return int(v), nil
	case nil: // what reading makes of an option that is no number
		return 0, &Error{Class: "TypeError", Text: "int() argument must be a string, a bytes-like object or a real number, not 'NoneType'"}
	}
	n, ok := pytext.ParseInt(pytext.Str(value))
	if !ok {
		return 0, valueError("invalid literal for int() with base 10: " + pytext.Repr(value))
	}
	return int(n), nil
}
