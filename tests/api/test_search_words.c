/* SPDX-License-Identifier: Apache-2.0 */
/* Search: words that are written otherwise than they were looked for. */
#include "harness.h"

#include <string.h>

static void
fresh(void)
{
	caller_reset();
	sql("DELETE FROM ticket; DELETE FROM customer c USING organization o "
	    "WHERE c.org_id = o.org_id AND c.customer_id <> o.default_customer_id");
}

TEST(a_slip_of_the_finger_still_finds_the_title)
{
	const char *id = make_ticket("Password reset");

	find("\"query\":\"pasword\"");
	ck_assert_str_eq(text("approximate"), "true");
	ck_assert_str_eq(text("corrected"), "null");
	ck_assert_str_eq(text("data.0.id"), id);
	find("\"query\":\"zzzzzz\"");
	ck_assert_uint_eq(count("data"), 0);
	ck_assert_str_eq(text("corrected"), "null");
}
END

TEST(a_word_that_several_texts_have_is_looked_for_and_marked_instead_of_a_slip)
{
	make_ticket("Password reset");
	make_ticket("Password forgotten");
	find("\"query\":\"pasword reset\"");
	ck_assert_str_eq(text("approximate"), "true");
	ck_assert_str_eq(text("corrected"), "password reset");
	ck_assert_uint_eq(count("data"), 1);
	ck_assert_str_eq(
	    text("data.0.highlights.title"), "<mark>Password</mark> <mark>reset</mark>");
	find("\"query\":\"password\"");
	ck_assert_str_eq(text("approximate"), "false");
	ck_assert_str_eq(text("corrected"), "null");
}
END

TEST(a_slip_is_mended_beside_marks_and_words_with_marks_in_them)
{
	make_ticket("can't login to dashboard");
	make_ticket("The dashboard is empty");
	find("\"query\":\"dashbord!\"");
	ck_assert_int_eq(number("total"), 2);
	ck_assert_str_eq(text("corrected"), "dashboard");
	find("\"query\":\"can't login, dashbord\"");
	ck_assert_int_eq(number("total"), 1);
	find("\"query\":\"zzqqxx\"");
	ck_assert_int_eq(number("total"), 0);
	ck_assert(!json_object_get_boolean(at("approximate")));
}
END

TEST(accents_make_no_difference_however_they_are_written)
{
	make_ticket("M\u00fcller braucht den Sch\u00fcssel");
	make_ticket("Cafe\u0301 re\u0301sume\u0301");
	make("/api/customers", "{\"name\":\"\u017di\u017eek\"}", "customer_id");
	find("\"query\":\"muller\"");
	ck_assert_int_eq(number("total"), 1);
	ck_assert_str_eq(
	    text("data.0.highlights.title"), "<mark>M\u00fcller</mark> braucht den Sch\u00fcssel");
	find("\"query\":\"m\u00fcller\"");
	ck_assert_int_eq(number("total"), 1);
	find("\"query\":\"mu\u0308ller schussel\"");
	ck_assert_int_eq(number("total"), 1);
	find("\"query\":\"caf\u00e9 resume\"");
	ck_assert_int_eq(number("total"), 1);
	find("\"query\":\"zizek\"");
	ck_assert_int_eq(number("total"), 1);
}
END

TEST(the_numbers_of_an_order_or_a_day_are_found_alone_and_together)
{
	make_ticket("My order INV-2024-4711 of 2026-06-13");
	find("\"query\":\"4711\"");
	ck_assert_int_eq(number("total"), 1);
	find("\"query\":\"inv-2024-4711\"");
	ck_assert_int_eq(number("total"), 1);
	find("\"query\":\"2026-06-13\"");
	ck_assert_int_eq(number("total"), 1);
	find("\"query\":\"order -4711\"");
	ck_assert_int_eq(number("total"), 0);
}
END

TEST(the_parts_of_a_path_are_found_and_what_stands_in_angle_brackets)
{
	make_ticket("See https://shop.example/orders/77123?id=9 and /var/log/syslog for <Gadget>");
	find("\"query\":\"77123\"");
	ck_assert_int_eq(number("total"), 1);
	find("\"query\":\"https://shop.example/orders/77123?id=9\"");
	ck_assert_int_eq(number("total"), 1);
	find("\"query\":\"shop.example\"");
	ck_assert_int_eq(number("total"), 1);
	find("\"query\":\"syslog gadget\"");
	ck_assert_int_eq(number("total"), 1);
	ck_assert_ptr_nonnull(strstr(text("data.0.highlights.title"), "&lt;"));
}
END

TEST(a_name_that_looks_alike_is_found_among_all_customers)
{
	const char *id;

	sql("INSERT INTO customer (org_id, customer_id, name) "
	    "SELECT '" ORG "', uuid7(), 'Somebody ' || i FROM generate_series(1, 2500) i");
	id = make("/api/customers", "{\"name\":\"Wolfeschlegelstein\"}", "customer_id");
	find("\"query\":\"Wolfeshlegelstein\"");
	ck_assert_int_eq(number("total"), 1);
	ck_assert_str_eq(text("data.0.id"), id);
	ck_assert(json_object_get_boolean(at("approximate")));
}
END

    static TCase *
    cases(void)
{
	TCase *c = tcase_create("search_words");

	tcase_add_checked_fixture(c, fresh, NULL);
	tcase_add_test(c, a_slip_of_the_finger_still_finds_the_title);
	tcase_add_test(
	    c, a_word_that_several_texts_have_is_looked_for_and_marked_instead_of_a_slip);
	tcase_add_test(c, a_slip_is_mended_beside_marks_and_words_with_marks_in_them);
	tcase_add_test(c, accents_make_no_difference_however_they_are_written);
	tcase_add_test(c, the_numbers_of_an_order_or_a_day_are_found_alone_and_together);
	tcase_add_test(c, the_parts_of_a_path_are_found_and_what_stands_in_angle_brackets);
	tcase_add_test(c, a_name_that_looks_alike_is_found_among_all_customers);
	return c;
}

int
main(void)
{
	TCase *(*all[])(void) = { cases, NULL };

	return harness_main("search_words", all);
}
