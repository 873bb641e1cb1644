package filter

import "unicode/utf8"

// Encode gives text in an encoding; characters that it does not have are left
// out, and all where there is no such encoding.
func Encode(encoding, text string) []byte {
	c, err := lookupCodec(encoding)
	if err != nil {
		return nil
	}
	var out []byte
	switch c.kind {
	case codecUTF8:
		return []byte(text)
	case codecUTF8BOM:
		return append([]byte("\xef\xbb\xbf"), text...)
	case codecASCII:
		for _, r := range text {
			if r < utf8.RuneSelf {
				out = append(out, byte(r))
			}
		}
		return out
	case codecPage:
		bytes := map[rune]byte{}
		for b, r := range c.page {
			bytes[r] = byte(b)
		}
		for _, r := range text {
			if b, ok := bytes[r]; ok && r != utf8.RuneError {
				out = append(out, b)
			}
		}
		return out
	}
	encoder := c.enc.NewEncoder()
	if whole, err := encoder.Bytes([]byte(text)); err == nil {
		return whole
	}
	for _, r := range text {
		encoder.Reset()
		if part, err := encoder.Bytes([]byte(string(r))); err == nil {
			out = append(out, part...)
		}
	}
	return out
}
