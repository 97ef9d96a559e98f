-- The production tables, as they stand in `public` of a live system, where their owner is another program.
-- Only the embedded database is created from this file; elmify never creates or alters them anywhere else.
-- All timestamps are without time zone, in UTC.

create function set_updated_at() returns trigger language plpgsql as $$
begin
    new.updated_at = now() at time zone 'utc';
    return new;
end
$$;

create table users (
    id bigserial primary key,
    email text not null unique,
    display_name text,
    created_at timestamp default (now() at time zone 'utc')
);

create table speakers (
    id bigserial primary key,
    name text not null unique,
    bio text,
    image_url text,
    image_small_url text,
    visibility_type text default 'public' check (visibility_type in ('public', 'premium', 'restricted')),
    allowed_user_ids text,
    is_premium boolean default false,
    created_at timestamp default (now() at time zone 'utc'),
    updated_at timestamp default (now() at time zone 'utc')
);

create trigger speakers_updated_at before update on speakers
    for each row execute function set_updated_at();

create table collections (
    id bigserial primary key,
    speaker_id bigint not null references speakers on delete cascade,
    title text not null,
    description text,
    year integer,
    cover_image_url text,
    cover_image_small_url text,
    created_at timestamp default (now() at time zone 'utc'),
    updated_at timestamp default (now() at time zone 'utc'),
    unique (speaker_id, title)
);

create trigger collections_updated_at before update on collections
    for each row execute function set_updated_at();

-- No trigger here, and nothing but the id is unique: the same file or title can stand twice.
create table lectures (
    id bigserial primary key,
    directory_id integer,
    title text not null,
    genre text,
    year integer,
    duration integer not null,       -- seconds
    file_name text not null,
    file_path text not null,         -- the object key
    file_size bigint not null,       -- bytes
    file_format text not null,
    bitrate integer,
    sample_rate integer,
    file_hash text,                  -- SHA-256, lower-case hex
    thumbnail_url text,
    waveform_data text,
    is_public boolean default false,
    play_count integer default 0,
    uploaded_at timestamp default (now() at time zone 'utc'),
    last_played_at timestamp,
    created_at timestamp default (now() at time zone 'utc'),
    updated_at timestamp default (now() at time zone 'utc'),
    speaker_id bigint references speakers on delete cascade,
    collection_id bigint references collections on delete cascade,
    description text,
    lecture_number integer,
    audio_url varchar(1024)          -- the full public URL
);

create index lectures_speaker_id on lectures (speaker_id);
create index lectures_collection_id on lectures (collection_id);

create table categories (
    id bigserial primary key,
    name varchar(100) not null,
    slug varchar(100) not null unique,
    description text,
    icon_name varchar(50),
    color varchar(7),
    parent_id bigint references categories on delete set null,
    display_order integer default 0,
    is_featured boolean default false,
    is_active boolean default true,
    lecture_count integer default 0,
    collection_count integer default 0,
    created_at timestamp default (now() at time zone 'utc'),
    updated_at timestamp default (now() at time zone 'utc')
);

create table lecture_categories (
    lecture_id bigint not null references lectures on delete cascade,
    category_id bigint not null references categories on delete cascade,
    is_primary boolean default false,
    created_at timestamp default (now() at time zone 'utc'),
    primary key (lecture_id, category_id)
);

create index lecture_categories_category_id on lecture_categories (category_id);

create table collection_categories (
    collection_id bigint not null references collections on delete cascade,
    category_id bigint not null references categories on delete cascade,
    is_primary boolean default false,
    created_at timestamp default (now() at time zone 'utc'),
    primary key (collection_id, category_id)
);

create index collection_categories_category_id on collection_categories (category_id);

-- The counts follow a statement, not each of its rows: a row that one transaction updates ten thousand
-- times grows a chain of ten thousand versions.

create function count_lectures_of_category() returns trigger language plpgsql as $$
begin
    update categories
    set lecture_count = greatest(lecture_count + case tg_op when 'INSERT' then 1 else -1 end * changed.rows, 0)
    from (select category_id, count(*)::integer as rows from junction_rows group by category_id) as changed
    where id = changed.category_id;
    return null;
end
$$;

create trigger lecture_categories_added after insert on lecture_categories
    referencing new table as junction_rows for each statement execute function count_lectures_of_category();

create trigger lecture_categories_removed after delete on lecture_categories
    referencing old table as junction_rows for each statement execute function count_lectures_of_category();

create function count_collections_of_category() returns trigger language plpgsql as $$
begin
    update categories
    set collection_count = greatest(collection_count + case tg_op when 'INSERT' then 1 else -1 end * changed.rows, 0)
    from (select category_id, count(*)::integer as rows from junction_rows group by category_id) as changed
    where id = changed.category_id;
    return null;
end
$$;

create trigger collection_categories_added after insert on collection_categories
    referencing new table as junction_rows for each statement execute function count_collections_of_category();

create trigger collection_categories_removed after delete on collection_categories
    referencing old table as junction_rows for each statement execute function count_collections_of_category();

-- What listeners own. Every row hangs off a lecture, and goes when the lecture goes.

create table favorites (
    id bigserial primary key,
    user_id bigint not null references users on delete cascade,
    lecture_id bigint not null references lectures on delete cascade,
    created_at timestamp default (now() at time zone 'utc'),
    unique (user_id, lecture_id)
);

create index favorites_lecture_id on favorites (lecture_id);

create table playback_positions (
    id bigserial primary key,
    user_id bigint not null references users on delete cascade,
    lecture_id bigint not null references lectures on delete cascade,
    current_position integer not null default 0,    -- seconds
    last_updated timestamp default (now() at time zone 'utc'),
    unique (user_id, lecture_id)
);

create index playback_positions_lecture_id on playback_positions (lecture_id);

create table user_saved_lectures (
    user_id bigint not null references users on delete cascade,
    lecture_id bigint not null references lectures on delete cascade,
    created_at timestamp default (now() at time zone 'utc'),
    primary key (user_id, lecture_id)
);

create index user_saved_lectures_lecture_id on user_saved_lectures (lecture_id);

create table listening_stats (
    id bigserial primary key,
    user_id bigint not null references users on delete cascade,
    lecture_id bigint not null references lectures on delete cascade,
    date date not null,
    total_play_time integer default 0,              -- seconds
    play_count integer default 0,
    completion_rate double precision default 0,     -- 0 to 1
    unique (user_id, lecture_id, date)
);

create index listening_stats_lecture_id on listening_stats (lecture_id);

create table lecture_play_credits (
    id bigserial primary key,
    user_id bigint not null references users on delete cascade,
    lecture_id bigint not null references lectures on delete cascade,
    day date not null,
    played_at timestamp not null default (now() at time zone 'utc'),
    created_at timestamp default (now() at time zone 'utc')
);

create index lecture_play_credits_lecture_id on lecture_play_credits (lecture_id);
