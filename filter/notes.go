package filter

// Notes are what Judge writes down of its way through one line, for those who
// ask why it was judged so.
type Notes struct {
	Line     string // the line as text, without its end
	Cut      [2]int // where in Line the date stood that was cut out; equal: none was
	Date     string // the text that stands for the date: the one cut out, or an earlier line's
	Borrowed bool   // the line has no date that can be read; its time, if it has one, is another's
	Searched bool   // the line got as far as the regexes
	Seen     string // what the prefregex and the first ignoreregexes were tried on
	Content  string // what the failregexes were tried on, "" if it did not come to that
}

func (n *Notes) takeDate(j *job) {
	if n == nil {
		return
	}
	*n = Notes{Line: string(j.line), Date: j.instead, Borrowed: j.noDate}
	if !j.whole {
		n.Cut = j.cut
		n.Date = n.Line[j.cut[0]:j.cut[1]]
	}
}

func (n *Notes) takeText(j *job) {
	if n != nil {
		n.Searched, n.Seen = true, string(j.buf)
	}
}

func (n *Notes) takeContent(j *job) {
	if n != nil {
		n.Content = string(j.buf)
	}
}
