package jail

import (
	"testing"
	"time"

	"f2b-go/internal/ipaddr"
)

// TestSlowRestoreHoldsUpNobody_3_7: while a thousand bans come back, one a second,
// the jail answers at once, and a stop does not wait for the rest.
func TestSlowRestoreHoldsUpNobody_3_7(t *testing.T) {
	inBubble(t, true, func(b *bench) {
		b.must(b.j.SetBanTime("1d"))
		for i := range 1000 {
			b.store.current = append(b.store.current, &Ticket{ID: ipaddr.Parse("10.0." + itoa(i/250) + "." + itoa(i%250)), Time: b.j.now() - 60,
				TimeInt: true, BanTime: Int(86400), HasBanTime: true})
		}
		b.banner.takes, b.banner.flushes = time.Second, true
		b.start()
		begin := time.Now()
		b.j.Status("basic")
		b.j.BanList(true)
		if took := time.Since(begin); took != 0 {
			b.Errorf("an answer took %v", took)
		}
		b.pass(10*time.Second + time.Millisecond)
		begin = time.Now()
		b.stop()
		if took := time.Since(begin); took > 3*time.Second {
			b.Errorf("the stop took %v", took)
		}
		// The one at work when the stop came is done, too.
		if n := len(b.banner.tickets); n < 10 || n > 12 {
			b.Errorf("%d bans in 10 s, want about 10", n)
		}
	})
}
