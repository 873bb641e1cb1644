package source

import (
	"context"
	"log/slog"
)

// Read hands what stands in the journal now to the sink, from its beginning,
// and returns. CaughtUp is not called.
func (c Journalctl) Read(ctx context.Context, opt JournalOptions, sink JournalSink) error {
	r := &journalReader{program: c.Program, opt: opt, sink: sink, log: slog.New(slog.DiscardHandler)}
	if r.program == "" {
		r.program = "journalctl"
	}
	files, err := globs(r.opt.Files)
	if err != nil {
		return err
	}
	if err := r.child(ctx, files, false); err != nil && ctx.Err() == nil {
		return err
	}
	return r.refused
}
