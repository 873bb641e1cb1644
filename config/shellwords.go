package config

// ShellWords splits a text into words as a POSIX shell would, quotes and
// backslashes taken away; Python's shlex.split.
func ShellWords(text string) ([]string, error) {
	words, err := shellSplit(text)
	if err != nil {
		return nil, err
	}
	return words, nil
}
