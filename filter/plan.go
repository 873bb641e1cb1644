package filter

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

// plan is what can be known of a filter's regexes beforehand, so that most
// lines need not be looked at closely: texts of which one must be in a line
// that a regex matches.
type plan struct {
	set     *settings
	sample  int         // bytes of the log that it was made for
	find    *finder     // nil: any line may match
	always  uint64      // bits of regexes that any line may match
	pref    uint64      // the bit of the prefregex, 0 if any line may match it
	fail    uint64      // the bits of the failregexes
	also    []*finder   // texts of which one must be there as well, by failregex, nil for none,
	before  uint64      // the failregexes for which it stands before the one that was found
	longest int         // bytes of the longest text to look for
	first   [256]uint64 // the failregexes that match a text that begins so
	joins   []uint64    // for two bytes: stand they together in a text to look for
	keys    []*keys     // of the failregexes, nil where data cannot wait
}

// The bits of regexes: the failregexes have the lower ones, and from lastRegex
// on they share one.
const (
	lastRegex        = 60
	lastBit   uint64 = 1 << lastRegex
	ignoreBit uint64 = 1 << 61
	prefBit   uint64 = 1 << 62
	otherBits        = lastBit | ignoreBit | prefBit
)

// How much of a log a plan is made for: a few lines are not worth one, and one
// for few lines is made again when there are many.
const (
	minSample  = 4 << 10
	goodSample = 16 << 10
	maxSample  = 32 << 10
)

// regexBit is the bit of a failregex.
func regexBit(i int) uint64 { return 1 << min(i, lastRegex) }

// planFor returns the plan for a block of a log, nil if each regex is to be
// tried on each line.
func (f *Filter) planFor(s *settings, all bool, data []byte) *plan {
	if s.maxLines > 1 || !s.codec.keepsASCII() {
		return nil
	}
	at := &f.plans[0]
	if all {
		at = &f.plans[1]
	}
	p := *at
	switch {
	case p != nil && p.set == s && (p.sample >= goodSample || len(data) < goodSample):
		return p
	case len(data) < minSample:
		return nil
	}
	*at = newPlan(s, all, data)
	return *at
}

// newPlan makes a plan for lines like those in sample. With all, the hits of
// prefregex and ignoreregexes count, too.
func newPlan(s *settings, all bool, sample []byte) *plan {
	p := &plan{set: s, sample: len(sample), also: make([]*finder, len(s.fail)), joins: make([]uint64, 1<<16/64)}
	c := chooser{log: newLogSample(sample)}
	for i, re := range s.fail {
		bit := regexBit(i)
		p.fail |= bit
		c.add(re, bit)
		p.noteFirst(re, bit)
		p.keys = append(p.keys, newKeys(re, s.pref))
	}
	p.always = c.without
	if s.pref != nil && (all || p.always != 0) {
		if c.add(s.pref, prefBit); c.without&prefBit == 0 {
			p.pref = prefBit
		}
	}
	if all && s.ignoresFirst() {
		for _, re := range s.ignore {
			c.add(re, ignoreBit)
		}
		p.always |= c.without & ignoreBit
	}
	needles, also := c.choose()
	p.before = c.before
	if len(needles) > 0 && (p.always&p.fail == 0 || p.pref != 0) {
		p.find = newFinder(needles, c.log)
		p.join(needles)
	}
	for i, set := range also {
		if i < lastRegex && len(set) > 0 && p.find != nil {
			p.also[i] = newFinder(set, c.log)
			p.join(set)
		}
	}
	return p
}

// noteFirst notes how a text begins that a failregex matches.
func (p *plan) noteFirst(re *Regex, bit uint64) {
	set, _ := re.re.FirstBytes()
	for b := range p.first {
		if !re.re.Anchored() || set.Has(byte(b)) {
			p.first[b] |= bit
		}
	}
}

// join notes which bytes stand together in texts to look for.
func (p *plan) join(needles []needle) {
	for _, n := range needles {
		p.longest = max(p.longest, len(n.text))
		for i := 1; i < len(n.text); i++ {
			k := int(n.text[i-1])<<8 | int(n.text[i])
			p.joins[k/64] |= 1 << (k % 64)
		}
	}
}

// joined says whether a text to look for may come to be where a date is cut
// out of a line between two bytes.
func (p *plan) joined(before, after byte) bool {
	k := int(before)<<8 | int(after)
	return p.joins[k/64]>>(k%64)&1 != 0
}

// maybe takes the bits of what was found in a line, the last of it around at, and
// gives those of the regexes that may match it. In the bits is the prefregex's if
// it may match.
func (p *plan) maybe(found uint64, line []byte, at int) uint64 {
	if p.pref != 0 && found&p.pref == 0 {
		return (found | p.always) & ignoreBit
	}
	found |= p.always
	for rest := found & p.fail &^ lastBit; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros64(rest)
		also, part := p.also[i], line
		if p.before>>i&1 != 0 {
			part = line[:min(at+p.longest, len(line))]
		}
		if also != nil && !also.in(part) {
			found &^= 1 << i
		}
	}
	return found
}

// chooser chooses, of the sets of texts of each regex, the one to look for.
type chooser struct {
	log     *logSample
	regexes []choice
	without uint64 // bits of regexes that have no such set
	before  uint64 // bits of those of which the second set stands before the first
}

// choice is a regex and its sets.
type choice struct {
	bit  uint64
	sets []literalSet
}

// literalSet is texts of which one is in every match.
type literalSet struct {
	texts    []string
	place    int // in the order in which they stand in a match
	shortest int
	seen     float64 // how many of them a line of the log holds, about
}

// add notes the sets of a regex.
func (c *chooser) add(re *Regex, bit uint64) {
	ch := choice{bit: bit}
	for i, texts := range re.re.Literals() {
		if set := (literalSet{texts: slices.Clone(texts), place: i}); set.measure(c.log) {
			ch.sets = append(ch.sets, set)
		}
	}
	slices.SortStableFunc(ch.sets, func(a, b literalSet) int { // the most telling first
		return cmp.Or(cmp.Compare(b.shortest, a.shortest), cmp.Compare(len(a.texts), len(b.texts)))
	})
	if len(ch.sets) == 0 {
		c.without |= bit
		return
	}
	c.regexes = append(c.regexes, ch)
}

// measure reports whether the texts can be looked for: they must be as long as
// a finder needs them and look the same in every encoding.
func (s *literalSet) measure(log *logSample) bool {
	s.shortest = len(s.texts[0])
	for i, text := range s.texts {
		text = longestPart(text)
		if len(text) < minNeedle || strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf || r == '\n' || r == '\r' }) {
			return false
		}
		s.texts[i] = text
		s.shortest = min(s.shortest, len(text))
		s.seen += log.lines(text)
	}
	return true
}

// longestPart is the longest part of a text that has no empty brackets in it:
// in the log the date stands between them.
func longestPart(text string) string {
	best, from := "", 0
	for i := 1; i <= len(text); i++ {
		if i < len(text) && !emptyBrackets(text[i-1:i+1]) {
			continue
		}
		if i-from > len(best) {
			best = text[from:i]
		}
		from = i
	}
	return best
}

func emptyBrackets(two string) bool { return two == "[]" || two == "()" || two == "<>" || two == `""` }

// What it costs, in nanoseconds or so, to see whether a second text is in a
// line, too, and to try regexes.
const (
	secondCost = 60
	tryCost    = 400
)

// cost estimates what it costs to look for the set, if others allow for texts of
// a length at best.
func (c *chooser) cost(ch *choice, s *literalSet, best int) float64 {
	hit := tryCost * 1.0
	if second := ch.second(s); second != nil {
		hit = secondCost + tryCost*second.beside(s)
	}
	line := lookCost * float64(c.log.bytes) / c.log.total
	return hit*min(s.seen, 1) + line*(1/longestStep(min(s.shortest, best))-1/longestStep(best))
}

// longestStep is the longest step of a pace for texts of a length.
func longestStep(length int) (step float64) {
	for _, p := range paces {
		if p.width() <= length {
			step = max(step, float64(p.step))
		}
	}
	return step
}

// choose gives what to look for, and what else must be in a line for the
// failregexes.
func (c *chooser) choose() (needles []needle, also map[int][]needle) {
	best := 1 << 10
	for _, ch := range c.regexes {
		longest := 0
		for _, s := range ch.sets {
			longest = max(longest, s.shortest)
		}
		best = min(best, longest)
	}
	bitsOf := map[string]uint64{}
	also = map[int][]needle{}
	for _, ch := range c.regexes {
		set := &ch.sets[0]
		for i := range ch.sets {
			if other := &ch.sets[i]; c.cost(&ch, other, best) < c.cost(&ch, set, best) {
				set = other
			}
		}
		for _, text := range set.texts {
			bitsOf[text] |= ch.bit
		}
		if second := ch.second(set); second != nil && ch.bit < lastBit {
			if second.place < set.place {
				c.before |= ch.bit
			}
			for _, text := range second.texts {
				i := bits.TrailingZeros64(ch.bit)
				also[i] = append(also[i], needle{text, 1})
			}
		}
	}
	for text, bit := range bitsOf {
		needles = append(needles, needle{text, bit})
	}
	slices.SortFunc(needles, func(a, b needle) int { return cmp.Compare(a.text, b.text) })
	return needles, also
}

// second chooses the texts of which one must be there as well as one of a set,
// if that is likely to spare the regex. The regex itself sees at once if a
// single text is missing.
func (ch *choice) second(set *literalSet) (best *literalSet) {
	if set.seen < seldom {
		return nil
	}
	for i := range ch.sets {
		s := &ch.sets[i]
		if s != set && len(s.texts) > 1 && s.beside(set) < telling && (best == nil || s.seen < best.seen) {
			best = s
		}
	}
	return best
}

// beside is in which part of the lines with a text of another set one of these
// may be, too: where they are seen nowhere else.
func (s *literalSet) beside(other *literalSet) float64 { return min(1, s.seen/other.seen) }

// A set of texts that is seen in fewer lines than seldom needs no second one; in
// so few of its lines is telling for a second one.
const (
	seldom  = 0.02
	telling = 0.5
)

// logSample counts what is seen in a piece of a log.
type logSample struct {
	counts [5][]uint16 // by how many bytes count, and their hash
	bytes  int
	total  float64 // lines
}

// newLogSample takes a sample of the beginning of data.
func newLogSample(data []byte) *logSample {
	data = data[:min(len(data), maxSample)]
	s := &logSample{bytes: max(1, len(data)), total: 1}
	for n := minNeedle; n <= 4; n++ {
		s.counts[n] = make([]uint16, 1<<finderBits)
	}
	for i := 0; i+4 <= len(data); i++ {
		x := uint32(data[i]) | uint32(data[i+1])<<8
		s.counts[2][finderHash(x, wholeFactor)]++
		x |= uint32(data[i+2]) << 16
		s.counts[3][finderHash(x, wholeFactor)]++
		x |= uint32(data[i+3]) << 24
		s.counts[4][finderHash(x, wholeFactor)]++
		if data[i] == '\n' {
			s.total++
		}
	}
	return s
}

// count tells how often a text of two to four bytes was seen.
func (s *logSample) count(text string) int {
	return int(s.counts[len(text)][finderHash(fourBytes(text), wholeFactor)])
}

// lines tells in which part of the lines a text stands at most.
func (s *logSample) lines(text string) float64 {
	n := min(4, len(text))
	least := int(s.total)
	for i := 0; i+n <= len(text); i++ {
		least = min(least, s.count(text[i:i+n]))
	}
	return float64(least) / s.total
}
