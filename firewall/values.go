package firewall

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// take puts a value into settings, or tells what is wrong with it.
type take func(s *Settings, value string) *Problem

// general are the settings of [firewall].
var general = map[string]take{
	"allow_sites":  path(func(s *Settings) *string { return &s.AllowSites }),
	"block_sites":  path(func(s *Settings) *string { return &s.BlockSites }),
	"state_dir":    path(func(s *Settings) *string { return &s.StateDir }),
	"run_dir":      path(func(s *Settings) *string { return &s.RunDir }),
	"console_only": boolean(func(s *Settings) *bool { return &s.ConsoleOnly }),
	"ping":         boolean(func(s *Settings) *bool { return &s.Config.Ping }),
	"ipv6":         oneOf(func(s *Settings) *string { return &s.IPv6 }, "auto", "yes", "no"),
	"forward":      oneOf(func(s *Settings) *string { return &s.Forward }, "auto", "yes", "no"),
	"backend":      oneOf(func(s *Settings) *string { return &s.Backend }, Auto, NFT, Legacy),
	"interfaces": func(s *Settings, value string) *Problem {
		s.Interfaces = value
		if strings.Trim(value, ", \t") == "" {
			return &Problem{Text: "no interface is named", Remedy: "write all, auto or names such as eth0 eth1"}
		}
		return nil
	},
	"asterisk": func(s *Settings, value string) *Problem {
		if strings.EqualFold(value, "no") {
			s.Asterisk = ""
			return nil
		}
		return path(func(s *Settings) *string { return &s.Asterisk })(s, value)
	},
	"scanners":  takeScanners,
	"log":       takeLog,
	"log_group": number(func(s *Settings, n int) { s.Config.LogGroup = uint16(n) }, 1, 65535),
}

// limits are the settings of [limits].
var limits = map[string]take{
	"total":       rate(func(c *Config) *Rate { return &c.Total }),
	"register":    rate(func(c *Config) *Rate { return &c.Register }),
	"invite":      rate(func(c *Config) *Rate { return &c.Invite }),
	"options":     rate(func(c *Config) *Rate { return &c.Options }),
	"other":       rate(func(c *Config) *Rate { return &c.Other }),
	"registered":  rate(func(c *Config) *Rate { return &c.Registered }),
	"ping":        rate(func(c *Config) *Rate { return &c.Echo }),
	"log":         rate(func(c *Config) *Rate { return &c.LogEvery }),
	"log_ceiling": rate(func(c *Config) *Rate { return &c.LogCeiling }),
	"methods":     oneOf(func(s *Settings) *string { return &s.Methods }, "auto", "yes", "no"),
	"table_size":  number(func(s *Settings, n int) { s.Config.TableSize = n }, 1, 1<<24),
}

func path(field func(*Settings) *string) take {
	return func(s *Settings, value string) *Problem {
		if !filepath.IsAbs(value) {
			return &Problem{Text: fmt.Sprintf("%q is no absolute path", clip(value)), Remedy: "begin it with /"}
		}
		*field(s) = filepath.Clean(value)
		return nil
	}
}

func boolean(field func(*Settings) *bool) take {
	return func(s *Settings, value string) *Problem {
		switch strings.ToLower(value) {
		case "yes", "true", "on", "1":
			*field(s) = true
		case "no", "false", "off", "0":
			*field(s) = false
		default:
			return &Problem{Text: fmt.Sprintf("%q is neither yes nor no", clip(value)), Remedy: "write yes or no"}
		}
		return nil
	}
}

func oneOf(field func(*Settings) *string, words ...string) take {
	return func(s *Settings, value string) *Problem {
		for _, w := range words {
			if strings.EqualFold(w, value) {
				*field(s) = w
				return nil
			}
		}
		return &Problem{Text: fmt.Sprintf("%q is none of %s", clip(value), strings.Join(words, ", ")), Remedy: "write one of them"}
	}
}

func number(put func(s *Settings, n int), least, most int) take {
	return func(s *Settings, value string) *Problem {
		n, err := strconv.Atoi(value)
		if err != nil || n < least || n > most {
			return &Problem{Text: fmt.Sprintf("%q is no number from %d to %d", clip(value), least, most), Remedy: "write such a number"}
		}
		put(s, n)
		return nil
	}
}

func rate(field func(*Config) *Rate) take {
	return func(s *Settings, value string) *Problem {
		r, ok := readRate(value)
		if !ok {
			return &Problem{Text: fmt.Sprintf("%q is no rate", clip(value)),
				Remedy: fmt.Sprintf("write it like 10/sec burst 40: 1 to %d in a sec, min, hour or day, after a burst of 1 to %d, which that rate fills within a day", MaxRate, MaxBurst)}
		}
		*field(&s.Config) = r
		return nil
	}
}

// readRate reads "10/sec burst 40" or "10/sec"; without a burst it is the count.
func readRate(text string) (r Rate, ok bool) {
	words := strings.Fields(strings.ToLower(text))
	if len(words) == 3 && words[1] != "burst" || len(words) != 1 && len(words) != 3 {
		return Rate{}, false
	}
	count, per, _ := strings.Cut(words[0], "/")
	n, err := strconv.Atoi(count)
	if err != nil || per == "" {
		return Rate{}, false
	}
	r = Rate{Count: n, Burst: min(n, MaxBurst)}
	for _, unit := range []string{"second", "minute", "hour", "day"} {
		if strings.HasPrefix(unit, strings.TrimSuffix(per, "s")) && per != "s" || per == "s" && unit == "second" {
			r.Per = map[string]string{"second": "sec", "minute": "min", "hour": "hour", "day": "day"}[unit]
			break
		}
	}
	if len(words) == 3 {
		if r.Burst, err = strconv.Atoi(words[2]); err != nil {
			return Rate{}, false
		}
	}
	return r, r.valid()
}

// takeLog reads where events go: kernel, nflog, both or no.
func takeLog(s *Settings, value string) *Problem {
	kernel, nflog := false, false
	for _, w := range strings.FieldsFunc(strings.ToLower(value), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		switch w {
		case "kernel":
			kernel = true
		case "nflog":
			nflog = true
		case "no":
		default:
			return &Problem{Text: fmt.Sprintf("%q is no place for events", clip(w)), Remedy: "write kernel, nflog, both of them or no"}
		}
	}
	s.Config.LogKernel, s.logNFLOG = kernel, nflog
	return nil
}

// takeScanners reads no, yes for the names that are known, or the path of a list.
func takeScanners(s *Settings, value string) *Problem {
	s.scanners = ""
	switch strings.ToLower(value) {
	case "no":
		s.Config.Scanners = nil
		return nil
	case "yes":
		s.Config.Scanners = KnownScanners
		return nil
	}
	return path(func(s *Settings) *string { return &s.scanners })(s, value)
}
