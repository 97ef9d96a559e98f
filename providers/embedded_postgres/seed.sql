-- What the embedded database starts with: the categories that catalogs refer to by slug.
insert into categories (name, slug, description, icon_name, color, display_order, is_featured) values
    ('Quran', 'quran', 'Recitations of the Quran', 'book-open', '#0F766E', 1, true),
    ('Tafsir', 'tafsir', 'Explanations of the Quran', 'library', '#1D4ED8', 2, true),
    ('Seerah', 'seerah', 'The life of the Prophet ﷺ', 'compass', '#B45309', 3, true),
    ('Hadith', 'hadith', 'Sayings of the Prophet ﷺ', 'scroll', '#7C3AED', 4, false),
    ('Fiqh', 'fiqh', 'Rulings of worship and daily life', 'scale', '#475569', 5, false),
    ('Duas', 'duas', 'Supplications', 'hands', '#BE185D', 6, false);
