package config

// Where tells where an option of a jail stands once Stream has read the jail: in
// the jail's own section, or else in its filter. The zero Pos means nowhere.
func (c *Config) Where(jail, option string) Pos {
	r := c.readers["jail"]
	if r == nil {
		return Pos{}
	}
	if _, ok := r.find(jail, option); ok {
		return r.pos(jail, option)
	}
	return r.pos(jail, borrowedAs+option)
}
