package source

import "sync"

// maxWide is how many readers may have a buffer for a whole chunk; others read
// in small chunks meanwhile.
const maxWide = 16

// buffers are the memory that files are read into, for the readers that read.
type buffers struct {
	mu     sync.Mutex
	wide   int // how many are out
	narrow sync.Pool
	spare  sync.Pool
}

// workspace is the memory of one reader while it reads: narrow or wide, as
// needed. free gives it back.
type workspace struct {
	from         *buffers
	narrow, wide *[]byte
}

// small returns a buffer for a small chunk and the mark before it.
func (ws *workspace) small() []byte {
	if ws.narrow == nil {
		buf, ok := ws.from.narrow.Get().(*[]byte)
		if !ok {
			fresh := make([]byte, markSize+smallChunk)
			buf = &fresh
		}
		ws.narrow = buf
	}
	return *ws.narrow
}

// whole returns a buffer for a whole chunk and the mark before it.
func (ws *workspace) whole() []byte {
	if ws.wide == nil {
		ws.from.mu.Lock()
		ws.from.wide++
		ws.from.mu.Unlock()
		buf, ok := ws.from.spare.Get().(*[]byte)
		if !ok {
			fresh := make([]byte, markSize+ChunkSize)
			buf = &fresh
		}
		ws.wide = buf
	}
	return *ws.wide
}

// fit returns a buffer for what is left to be read: a whole one only where
// that is more than a small chunk, and where not too many are out.
func (ws *workspace) fit(left int64) []byte {
	if ws.wide == nil {
		ws.from.mu.Lock()
		many := ws.from.wide >= maxWide
		ws.from.mu.Unlock()
		if many || left < smallChunk {
			return ws.small()
		}
	}
	return ws.whole()
}

// free gives the memory back.
func (ws *workspace) free() {
	if ws.narrow != nil {
		ws.from.narrow.Put(ws.narrow)
	}
	if ws.wide != nil {
		ws.from.spare.Put(ws.wide)
		ws.from.mu.Lock()
		ws.from.wide--
		ws.from.mu.Unlock()
	}
	ws.narrow, ws.wide = nil, nil
}
