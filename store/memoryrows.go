package store

import (
	"f2b-go/filter"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
	"f2b-go/jail"
)

// The kinds of IDs in a row, where their text alone does not tell.
const (
	idParsed = iota
	idText
	idTuple
)

func idRow(id ipaddr.Addr) (text string, kind int) {
	switch {
	case id.IsTuple():
		return id.String(), idTuple
	case id.Family() == ipaddr.Raw:
		return id.String(), idText
	case id.IsNet():
		return id.Prefix().String(), idParsed
	}
	return id.String(), idParsed
}

func rowID(text string, kind int) ipaddr.Addr {
	switch kind {
	case idTuple:
		return ipaddr.TupleText(text)
	case idText:
		return ipaddr.Text(text)
	}
	return ipaddr.Parse(text)
}

// ticketRow is a ticket's JSON in our tables. Unlike the data column of
// fail2ban's it keeps the kind of every value.
type ticketRow struct {
	Time     float64    `json:"time"`
	TimeInt  bool       `json:"int,omitempty"`
	First    float64    `json:"first"`
	Attempts int        `json:"attempts"`
	Failures int        `json:"failures"`
	Bans     int        `json:"bans,omitempty"`
	Restored bool       `json:"restored,omitempty"`
	Matches  []matchRow `json:"matches,omitempty"`
	Dropped  bool       `json:"nomatches,omitempty"`
	Fields   []fieldRow `json:"fields,omitempty"`
}

// matchRow is a line: one part, or three of a split one.
type matchRow []string

func toTicketRow(t *jail.Ticket) ticketRow {
	row := ticketRow{Time: t.Time, TimeInt: t.TimeInt, First: t.First, Attempts: t.Attempts, Failures: t.Failures, Restored: t.Restored,
		Bans: t.BanCount, Dropped: t.NoMatches}
	for _, m := range t.Matches {
		if m.Split {
			row.Matches = append(row.Matches, matchRow{m.Before, m.Date, m.After})
		} else {
			row.Matches = append(row.Matches, matchRow{m.Text()})
		}
	}
	for _, it := range t.Fields {
		row.Fields = append(row.Fields, toFieldRow(pytext.Str(it.Key), it.Value))
	}
	return row
}

func (row *ticketRow) ticket() *jail.Ticket {
	t := &jail.Ticket{Time: row.Time, TimeInt: row.TimeInt, First: row.First, Attempts: row.Attempts, Failures: row.Failures, Restored: row.Restored,
		BanCount: row.Bans, NoMatches: row.Dropped}
	for _, m := range row.Matches {
		switch len(m) {
		case 1:
			t.Matches = append(t.Matches, jail.Match{Before: m[0]})
		case 3:
			t.Matches = append(t.Matches, jail.Match{Before: m[0], Date: m[1], After: m[2], Split: true})
		}
	}
	for _, f := range row.Fields {
		t.Fields = append(t.Fields, pytext.Item{Key: f.Name, Value: f.value()})
	}
	return t
}

// fieldRow is a named value; one of the others is set, or none for None.
type fieldRow struct {
	Name  string     `json:"name"`
	Text  *string    `json:"text,omitempty"`
	Int   *int       `json:"int,omitempty"`
	IP    *string    `json:"ip,omitempty"`
	Kind  int        `json:"kind,omitempty"` // of IP
	Users []string   `json:"users,omitempty"`
	Tuple []*string  `json:"tuple,omitempty"`
	Lines []matchRow `json:"lines,omitempty"`
}

func toFieldRow(name string, value any) fieldRow {
	row := fieldRow{Name: name}
	switch v := value.(type) {
	case nil:
	case string:
		row.Text = &v
	case int:
		row.Int = &v
	case ipaddr.Addr:
		text, kind := idRow(v)
		row.IP, row.Kind = &text, kind
	case []string:
		row.Users = v
	case pytext.Tuple:
		for _, part := range v {
			text, ok := part.(string)
			if ok {
				row.Tuple = append(row.Tuple, &text)
			} else {
				row.Tuple = append(row.Tuple, nil)
			}
		}
	case []filter.Match:
		for _, m := range v {
			row.Lines = append(row.Lines, matchRow{m.Before, m.Date, m.After})
		}
	default:
		text := pytext.Str(v)
		row.Text = &text
	}
	return row
}

func (row *fieldRow) value() any {
	switch {
	case row.Text != nil:
		return *row.Text
	case row.Int != nil:
		return *row.Int
	case row.IP != nil:
		return rowID(*row.IP, row.Kind)
	case row.Users != nil:
		return row.Users
	case row.Tuple != nil:
		parts := make(pytext.Tuple, len(row.Tuple))
		for i, p := range row.Tuple {
			if p != nil {
				parts[i] = *p
			}
		}
		return parts
	case row.Lines != nil:
		return toLines(row.Lines)
	}
	return nil
}

func toLines(rows []matchRow) []filter.Match {
	var list []filter.Match
	for _, m := range rows {
		if len(m) == 3 {
			list = append(list, filter.Match{Before: m[0], Date: m[1], After: m[2]})
		}
	}
	return list
}

func fromLines(list []filter.Match) []matchRow {
	rows := make([]matchRow, len(list))
	for i, m := range list {
		rows[i] = matchRow{m.Before, m.Date, m.After}
	}
	return rows
}

// sessionRow is a session of a filter.
type sessionRow struct {
	Expires float64    `json:"expires"`
	Fields  []fieldRow `json:"fields,omitempty"`
	Matches []matchRow `json:"matches,omitempty"`
}

func toSessionRow(s *filter.Session) sessionRow {
	row := sessionRow{Expires: s.Expires, Matches: fromLines(s.Matches)}
	for _, f := range s.Fields {
		value := f.Value
		if f.Kind == filter.Text {
			value = f.Text
		}
		row.Fields = append(row.Fields, toFieldRow(f.Name, value))
	}
	return row
}

func (row *sessionRow) session(id string) filter.Session {
	s := filter.Session{ID: id, Expires: row.Expires, Matches: toLines(row.Matches)}
	for i := range row.Fields {
		s.Fields = append(s.Fields, toField(row.Fields[i].Name, row.Fields[i].value()))
	}
	return s
}

func toField(name string, value any) filter.Field {
	f := filter.Field{Name: name, Value: value}
	switch v := value.(type) {
	case string:
		f.Kind, f.Text, f.Value = filter.Text, v, nil
	case int:
		f.Kind = filter.Int
	case ipaddr.Addr:
		f.Kind = filter.IP
	case []string:
		f.Kind = filter.Users
	case pytext.Tuple:
		f.Kind = filter.Tuple
	case []filter.Match:
		f.Kind = filter.Lines
	}
	return f
}

// filterRow is what a filter knows besides sessions.
type filterRow struct {
	Date     float64    `json:"date,omitempty"`
	DateInt  bool       `json:"int,omitempty"`
	DateText string     `json:"text,omitempty"`
	Dated    bool       `json:"dated,omitempty"`
	Buffer   []matchRow `json:"buffer,omitempty"`
}

func toFilterRow(m *filter.Memory) filterRow {
	return filterRow{Date: m.LastDate.Unix, DateInt: m.LastDate.Int, DateText: m.LastDateText, Dated: m.HasLastDate, Buffer: fromLines(m.Buffer)}
}

func (row *filterRow) restore(m *filter.Memory) {
	m.LastDate.Unix, m.LastDate.Int = row.Date, row.DateInt
	m.LastDateText, m.HasLastDate = row.DateText, row.Dated
	m.Buffer = toLines(row.Buffer)
}
