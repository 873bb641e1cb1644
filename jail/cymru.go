package jail

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
)

const (
	// cymruLimit bounds one answer, cymruTotal all of a status.
	cymruLimit = 10 * time.Second
	cymruTotal = time.Minute
)

// cymruZones are where Team Cymru tells whose an address is (TXT records of
// https://www.team-cymru.com/ip-asn-mapping).
var cymruZones = map[ipaddr.Family]string{ipaddr.Inet4: "origin.asn.cymru.com", ipaddr.Inet6: "origin6.asn.cymru.com"}

// origin is whose an address is: numbers, countries and registries, each sorted
// and joined.
type origin struct{ asn, country, rir string }

// cymru asks for the origins of all banned addresses, in order of the bans. An
// error other than an unknown address ends the asking, as in fail2ban.
func (j *Jail) cymru(ctx context.Context) (list []origin) {
	ctx, cancel := context.WithTimeout(ctx, cymruTotal)
	defer cancel()
	for _, t := range j.bans.tickets() {
		zone, ok := cymruZones[t.IP().Family()]
		if !ok {
			list = append(list, origin{"nxdomain", "nxdomain", "nxdomain"})
			continue
		}
		name := t.IP().Reverse() + zone
		records, err := j.txt(ctx, name)
		var dns *net.DNSError
		switch {
		case errors.As(err, &dns) && dns.IsNotFound:
			list = append(list, origin{"nxdomain", "nxdomain", "nxdomain"})
		case err != nil:
			j.logs.actions.Error("DNSException " + pytext.Repr(err.Error()) + " querying Cymru for " + name + " TXT")
			return list
		default:
			list = append(list, readOrigin(records))
		}
	}
	return list
}

func (j *Jail) txt(ctx context.Context, name string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, cymruLimit)
	defer cancel()
	return j.env.LookupTXT(ctx, name)
}

// readOrigin reads records like `13335 | 192.0.2.0/24 | US | arin | 2010-07-14`.
func readOrigin(records []string) origin {
	var sets [3]map[string]bool
	for i := range sets {
		sets[i] = map[string]bool{}
	}
	for _, r := range records {
		parts := strings.Split(r, "|")
		if len(parts) != 5 {
			continue
		}
		for i, at := range []int{0, 2, 3} {
			word := strings.Trim(parts[at], `'" `)
			if word == "" {
				word = "unknown"
			}
			sets[i][word] = true
		}
	}
	return origin{joined(sets[0]), joined(sets[1]), joined(sets[2])}
}

func joined(set map[string]bool) string {
	words := make([]string, 0, len(set))
	for w := range set {
		words = append(words, w)
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

// cymruStatus are the lists that the flavour cymru adds to a status.
func cymruStatus(list []origin) []any {
	var asn, country, rir []string
	for _, o := range list {
		asn, country, rir = append(asn, o.asn), append(country, o.country), append(rir, o.rir)
	}
	return []any{pytext.Tuple{"Banned ASN list", pyList(asn)}, pytext.Tuple{"Banned Country list", pyList(country)}, pytext.Tuple{"Banned RIR list", pyList(rir)}}
}
