package mail

import (
	"embed"
	"errors"
	"fmt"
	html "html/template"
	"io/fs"
	"path/filepath"
	"strings"
	text "text/template"
)

const (
	// maxTemplate bounds a template's file, maxBody what it makes, in bytes.
	maxTemplate = 256 << 10
	maxBody     = 512 << 10
)

// subjectName is the template within a text template that makes the subject.
const subjectName = "subject"

//go:embed template
var builtin embed.FS

// templates make a mail's texts; html is nil for a mail without.
type templates struct {
	text *text.Template
	html *html.Template
}

// loadTemplates reads what the setting names: nothing for our own text, "html"
// for our own text and HTML, a file's absolute path (with the same name ending
// in .txt or .html beside it for the other kind), or the text itself, which has
// "{{" in it.
func loadTemplates(setting string) (*templates, error) {
	setting = strings.TrimSpace(setting)
	words, markup := "", ""
	var err error
	switch {
	case setting == "":
	case setting == "html":
		markup, err = ownTemplate("notice.html")
	case strings.Contains(setting, "{{"):
		words = setting
	default:
		words, markup, err = readTemplates(setting)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the mail template: %w", err)
	}
	return parseTemplates(words, markup)
}

func ownTemplate(name string) (string, error) {
	data, err := builtin.ReadFile("template/" + name)
	return string(data), err
}

// readTemplates reads a template file and its sibling.
func readTemplates(path string) (words, markup string, err error) {
	if !filepath.IsAbs(path) {
		return "", "", fmt.Errorf("%s is no absolute path", path)
	}
	stem := strings.TrimSuffix(path, filepath.Ext(path))
	wordsPath, markupPath := path, stem+".html"
	if filepath.Ext(path) == ".html" {
		wordsPath = stem + ".txt"
	}
	for _, f := range []struct {
		path string
		into *string
	}{{wordsPath, &words}, {markupPath, &markup}} {
		data, err := readSmall(f.path, maxTemplate)
		if err != nil && (f.path == path || !errors.Is(err, fs.ErrNotExist)) {
			return "", "", err
		}
		*f.into = string(data)
	}
	return words, markup, nil
}

// parseTemplates reads the two texts; without words there are our own, and our
// own subject is used where the words define none.
func parseTemplates(words, markup string) (*templates, error) {
	own, err := ownTemplate("notice.txt")
	if err != nil {
		return nil, err
	}
	t := &templates{text: text.New("text").Funcs(text.FuncMap{"join": strings.Join})}
	if _, err := t.text.Parse(own); err != nil {
		return nil, fmt.Errorf("reading the mail template: %w", err)
	}
	if words != "" {
		if _, err := t.text.Parse(words); err != nil {
			return nil, fmt.Errorf("reading the mail template: %w", err)
		}
	}
	if markup != "" {
		t.html, err = html.New("html").Funcs(html.FuncMap{"join": strings.Join}).Parse(markup)
		if err != nil {
			return nil, fmt.Errorf("reading the mail template: %w", err)
		}
	}
	return t, nil
}

// fill puts a mail's subject and texts into the letter.
func (t *templates) fill(l *Letter, data *Mail) error {
	subject, words, markup := &head{room: maxHeader}, &head{room: maxBody}, &head{room: maxBody}
	if err := t.text.ExecuteTemplate(subject, subjectName, data); err != nil {
		return fmt.Errorf("filling the mail template: %w", err)
	}
	if err := t.text.Execute(words, data); err != nil {
		return fmt.Errorf("filling the mail template: %w", err)
	}
	if t.html != nil {
		if err := t.html.Execute(markup, data); err != nil {
			return fmt.Errorf("filling the mail template: %w", err)
		}
	}
	l.Subject, l.Text, l.HTML = subject.b.String(), words.b.String(), markup.b.String()
	return nil
}
