package testfilter

import (
	"testing"

	"f2b-go/filter"
	"f2b-go/filter/date"
)

// BenchmarkFilters judges the samples of every session of the conformance table
// again and again, in blocks and as a jail does: dense lines of all kinds.
func BenchmarkFilters(b *testing.B) {
	c, ok := collection111(b)
	if !ok {
		if c, ok = collection102(b); !ok {
			return
		}
	}
	names, dir := sampleFilters(b, c.config, c.testConfig)
	for _, name := range names {
		for _, s := range readSamples(b, c.logs, name) {
			if s.journal() {
				continue
			}
			b.Run(s.label, func(b *testing.B) { benchmarkSession(b, s, dir[name]) })
		}
	}
}

// benchmarkSession judges blocks of about the size that a source gives.
func benchmarkSession(b *testing.B, s *sampleSession, dir string) {
	flt := sampleTester(b, s, dir, date.NewShared()).flt
	var data []byte
	lines, failures := 0, 0
	for len(data) < blockSize && len(s.samples) > 0 {
		for _, x := range s.samples {
			data = append(append(data, x.text...), '\n')
			lines++
		}
	}
	block, mode := filter.Block{Data: data}, filter.Mode{RawHosts: true}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		failures = 0
		if _, err := flt.JudgeBlock(block, mode, func(*filter.Judged) error { failures++; return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*max(lines, 1)), "ns/line")
	b.ReportMetric(100*float64(failures)/float64(max(lines, 1)), "%failures")
}
